# shellcheck shell=bash disable=SC2034
# support/packages.sh - the Debian packages the project needs; sourced by tests/run and examples/demo.
# The only list there is: README and scripts refer to it.

# To build the library, the example host and the demo, and to run the demo.
packages_build=(g++ cmake ninja-build pkg-config ca-certificates curl python3 procps
  libfmt-dev rapidjson-dev libabsl-dev libssl-dev libsqlite3-dev libboost-dev)
# Besides these, to run the tests.
packages_test=(catch2 binutils clang valgrind)
# Vault's clients, which tests/clients drives; a nodejs from elsewhere brings its own npm.
packages_test+=(python3-hvac)
command -v npm >/dev/null || packages_test+=(nodejs npm)
# For the cluster store: to build it, and the real etcd that its tests run, kill and ask.
packages_cluster=(libgrpc++-dev libprotobuf-dev protobuf-compiler etcd-server etcd-client openssl
  util-linux)
# The optional component for go-plugin, with plugins in Go and Python to run.
packages_goplugin=(libgrpc++-dev libprotobuf-dev protobuf-compiler protobuf-compiler-grpc
  golang-any golang-github-hashicorp-go-plugin-dev golang-google-grpc-dev golang-goprotobuf-dev
  python3-grpcio openssl)
packages_bench=(libbenchmark-dev liburcu-dev golang-any golang-github-armon-go-radix-dev gnuplot-nox
  "${packages_goplugin[@]}")
packages_fuzz=(clang libclang-rt-14-dev llvm)
packages_lint=("${packages_bench[@]}" clang-format clang-tidy)

# install_packages NAME...: installs what is missing, with apt as root or through sudo.
install_packages() {
  local name missing=() as_root=()
  for name in "$@"; do
    [[ $(dpkg-query -W -f='${db:Status-Status}' "$name" 2>/dev/null) == installed ]] || missing+=("$name")
  done
  ((${#missing[@]})) || return 0
  if ((EUID != 0)); then
    if ! command -v sudo >/dev/null; then
      printf 'These packages are missing, and there is neither root nor sudo to install them:\n  %s\n' \
        "${missing[*]}" >&2
      return 1
    fi
    as_root=(sudo)
  fi
  echo "installing: ${missing[*]}"
  local log
  log=$(mktemp)
  local apt=(env DEBIAN_FRONTEND=noninteractive apt-get -q -o Acquire::Retries=3 -o DPkg::Lock::Timeout=300)
  if ! { "${as_root[@]}" "${apt[@]}" update &&
    "${as_root[@]}" "${apt[@]}" install -y --no-install-recommends "${missing[@]}"; } >"$log" 2>&1; then
    tail -n 30 "$log" >&2
    rm -f "$log"
    return 1
  fi
  rm -f "$log"
}
