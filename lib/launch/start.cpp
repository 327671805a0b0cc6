#include "launch/start.hpp"

#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <utility>

#include "launch/endpoint.hpp"
#include "launch/environment.hpp"
#include "launch/handshake.hpp"

namespace plugreload::internal {
namespace {

// A descriptor open for writing that another thread's fork inherited is gone at its exec.
constexpr int kBusyAttempts = 20;
constexpr Millis kBusyPause{10};
// What a child that closed stdout, or refuses connections, gets to end by itself, so that the error
// can tell how.
constexpr Millis kExitGrace{200};

Status Cancelled() {
  return Status(Code::kCancelled, "cancelled", "the start is no longer wanted");
}

// The earlier of two points, the first counted from now.
Deadline Within(Millis time, Deadline deadline) { return std::min(After(time), deadline); }

void Pause(Millis time, const std::stop_token& cancel) {
  std::mutex mutex;
  std::condition_variable_any never;
  std::unique_lock<std::mutex> lock(mutex);
  never.wait_for(lock, cancel, time, [] { return false; });
}

std::string Lower(std::string text) {
  for (char& c : text) {
    if (c >= 'A' && c <= 'F') c = static_cast<char>(c - 'A' + 'a');
  }
  return text;
}

}  // namespace

Result<std::unique_ptr<PluginInstance>> ProcessStart::Run() {
  Status status = LoadImage();
  if (status.ok()) status = Execute();
  if (!status.ok()) return Subject(status);

  status = Handshake();
  if (status.ok() && context_.cancel.stop_requested()) status = Cancelled();
  if (status.ok() && !instance_->process().Arm(context_.on_exit)) {
    status = Status(Code::kUnavailable, "endpoint_unreachable", "it ended behind its handshake");
  }
  if (status.ok()) return std::unique_ptr<PluginInstance>(std::move(instance_));

  // What it has to say is complete once it is gone; how it ended matters if that was before.
  const bool ended = instance_->process().ended();
  instance_->Kill();
  std::string detail(status.message());
  if (ended) {
    detail += "; " + instance_->process().EndText();
  } else {
    detail += instance_->process().LastWordsText();
  }
  return Subject(Status(status.code(), status.reason(), detail));
}

Status ProcessStart::Subject(const Status& status) const {
  const PluginRef& ref = spec_.plugin.ref;
  std::string subject = fmt::format("cannot start plugin {}/{} {}", PluginTypeName(ref.type),
                                    ref.name, ref.version.empty() ? "(unversioned)" : ref.version);
  if (!spec_.mount.path.empty()) {
    subject +=
        fmt::format(" for mount \"{}\" of namespace \"{}\"", spec_.mount.path, spec_.mount.ns);
  }
  if (!spec_.instance.empty()) subject += fmt::format(" (instance {})", spec_.instance);
  return status.WithContext(subject);
}

Status ProcessStart::LoadImage() {
  if (context_.cancel.stop_requested()) return Cancelled();
  command_ = spec_.command.empty() ? spec_.plugin.command : spec_.command;
  if (command_.empty() || command_.front() != '/' || command_.find('\0') != std::string::npos) {
    return Status(
        Code::kInvalidArgument, "command_not_found",
        fmt::format("its command \"{}\" is not an absolute path", Printable(command_, 200)));
  }
  const ImageRequest request{command_, Lower(spec_.plugin.sha256), core_->options().max_image_bytes,
                             context_.deadline, context_.cancel};
  if (spec_.plugin.image == plugreload::Image::kSealed) {
    auto image = core_->images().Sealed(request);
    if (!image.ok()) return image.status();
    image_ = *std::move(image);
    return {};
  }
  Result<internal::Image> image = OpenImage(request);
  if (!image.ok()) return image.status();
  image_ = std::make_shared<const internal::Image>(*std::move(image));
  return {};
}

Status ProcessStart::Execute() {
  Result<InstanceDirectory> directory = core_->run().NewInstance();
  if (!directory.ok()) return directory.status();
  directory_ = *std::move(directory);
  Result<Pipe> out = NewPipe();
  Result<Pipe> err = NewPipe();
  Result<SocketPair> liveness = NewSocketPair();
  const Fd null(open("/dev/null", O_RDONLY | O_CLOEXEC));
  if (!out.ok() || !err.ok() || !liveness.ok() || !null.valid()) {
    return Status(Code::kResourceExhausted, "spawn_failed",
                  "cannot open pipes for it: " + ErrnoText(errno));
  }
  SetNonBlocking(out->read);
  SetNonBlocking(err->read);

  SpawnPlan plan;
  plan.argv.push_back(command_);
  plan.argv.insert(plan.argv.end(), spec_.plugin.args.begin(), spec_.plugin.args.end());
  plan.env = ChildEnvironment(core_->base_env(), spec_, directory_.path());
  plan.in = null.get();
  plan.out = out->write.get();
  plan.err = err->write.get();
  plan.liveness = liveness->other.get();
  Result<SpawnOutcome> spawned = SpawnImage(std::move(plan));
  if (!spawned.ok()) return spawned.status();

  directory_.NoteProcess(spawned->pid);
  core_->CountChild();
  const auto process = std::make_shared<Process>(
      ProcessParts{spawned->pid, std::move(spawned->pidfd), std::move(out->read),
                   std::move(err->read), std::move(liveness->one)},
      core_->courier(), std::make_shared<const std::string>(spec_.instance),
      OutputLimits{core_->options().max_log_line_bytes, core_->options().max_log_bytes_per_second},
      core_->options().max_handshake_bytes, [core = core_.get()] { core->ForgetChild(); });
  instance_ = std::make_unique<ProcessInstance>(core_, image_, std::move(directory_), process,
                                                spec_.plugin.timeouts);
  return {};
}

// A sealed program runs from memory. Scripts do not, because their interpreter opens them by name,
// nor does anything on a machine that forbids it: these run from a private copy of the same bytes.
Result<SpawnOutcome> ProcessStart::SpawnImage(SpawnPlan plan) {
  const bool in_place = !image_->sealed;
  bool copied = false;
  if (in_place && image_->script) {
    plan.path = command_;
  } else if (image_->script || !image_->executable) {
    if (Status status = UsePrivateCopy(plan); !status.ok()) return status;
    copied = true;
  } else {
    plan.image = image_->fd.get();
  }
  SpawnOutcome outcome = SpawnRetrying(plan);
  if (outcome.error == EACCES && !in_place && !copied) {
    if (Status status = UsePrivateCopy(plan); !status.ok()) return status;
    copied = true;
    outcome = SpawnRetrying(plan);
  }
  if (outcome.error != 0) return SpawnError(outcome, plan);
  sealed_ = !in_place && !copied;
  return outcome;
}

Status ProcessStart::UsePrivateCopy(SpawnPlan& plan) {
  plan.image = -1;
  plan.path = directory_.path() + command_.substr(command_.rfind('/'));
  return CopyImage(*image_, plan.path);
}

SpawnOutcome ProcessStart::SpawnRetrying(const SpawnPlan& plan) {
  SpawnOutcome outcome = core_->spawner().Run(plan);
  for (int i = 0; i < kBusyAttempts && outcome.error == ETXTBSY; ++i) {
    if (context_.cancel.stop_requested()) break;
    if (std::chrono::steady_clock::now() >= context_.deadline) break;
    Pause(kBusyPause, context_.cancel);
    outcome = core_->spawner().Run(plan);
  }
  return outcome;
}

Status ProcessStart::SpawnError(const SpawnOutcome& outcome, const SpawnPlan& plan) const {
  const int error = outcome.error;
  const std::string text = ErrnoText(error);
  if (error == EACCES || error == EPERM || error == ENOEXEC || error == ELIBBAD) {
    return Status(Code::kFailedPrecondition, "not_executable",
                  fmt::format("the kernel refuses to execute \"{}\": {}; it must be a program for "
                              "this machine, or a script beginning with #!, on a file system that "
                              "is not mounted noexec",
                              plan.image >= 0 ? command_ : plan.path, text));
  }
  if (error == ENOENT) {
    return Status(Code::kFailedPrecondition, "not_executable",
                  fmt::format("\"{}\" cannot be executed: its interpreter (the first line of a "
                              "script, the loader of a program) does not exist",
                              command_));
  }
  const bool short_of = error == EAGAIN || error == ENOMEM || error == EMFILE || error == ENFILE;
  return Status(short_of ? Code::kResourceExhausted : Code::kUnavailable, "spawn_failed",
                fmt::format("\"{}\": {} failed: {}", command_, outcome.step, text));
}

Status ProcessStart::Handshake() {
  Process& process = instance_->process();
  const Process::Wake wake = process.WaitLine(context_.deadline, context_.cancel);
  process.Begin(core_->poller());
  if (wake != Process::Wake::kLine) return NoHandshake(wake);
  const Result<HandshakeLine> line =
      ParseHandshake(process.line(), spec_.handshake.protocol_versions, spec_.plugin.protocols);
  if (!line.ok()) return line.status();
  Status status = CheckEndpoint(*line, process.pid(), context_.deadline, context_.cancel);
  if (!status.ok()) {
    if (status.reason() == "endpoint_unreachable") {
      process.WaitEnded(Within(kExitGrace, context_.deadline));
    }
    return status;
  }
  InstanceInfo& info = instance_->mutable_info();
  info.endpoint = EndpointText(*line);
  info.protocol = line->protocol;
  info.protocol_version = line->version;
  info.pid = process.pid();
  info.sealed = sealed_;
  info.certificate = line->certificate;
  return {};
}

Status ProcessStart::NoHandshake(Process::Wake wake) const {
  Process& process = instance_->process();
  const std::string line = process.line();
  const std::string rest =
      line.empty() ? "" : fmt::format("; on stdout it wrote \"{}\"", Printable(line, 120));
  switch (wake) {
    case Process::Wake::kCancelled:
      return Cancelled();
    case Process::Wake::kDeadline:
      return Status(Code::kDeadlineExceeded, "handshake_timeout",
                    "the deadline passed before its handshake line; it was killed" + rest);
    case Process::Wake::kTooLong:
      return Status(Code::kUnavailable, "handshake_invalid",
                    fmt::format("its first line on stdout has more than {} bytes: \"{}\"",
                                core_->options().max_handshake_bytes, Printable(line, 120)));
    default:
      break;
  }
  if (process.WaitEnded(Within(kExitGrace, context_.deadline))) {
    return Status(Code::kUnavailable, "handshake_missing",
                  "it ended before its handshake line" + rest);
  }
  return Status(Code::kUnavailable, "handshake_missing",
                "it closed stdout before its handshake line" + rest);
}

}  // namespace plugreload::internal
