// The way to a mount in Vault's router (vault/router.go): a lock for readers around a radix tree of
// namespace and path in one text, then the entry's own lock for readers, held over the request.
// Prints its cost per look-up as JSON; the data set is that of mounts.cpp.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"math/rand"
	"os"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"unsafe"

	"github.com/armon/go-radix"
)

type entry struct {
	l      sync.RWMutex
	number uint64
}

type router struct {
	l    sync.RWMutex
	root *radix.Tree
}

// The number of what serves the path; 0: nothing does.
func (r *router) look(ns, path string) uint64 {
	whole := ns + path
	r.l.RLock()
	_, raw, ok := r.root.LongestPrefix(whole)
	r.l.RUnlock()
	if !ok {
		return 0
	}
	e := raw.(*entry)
	e.l.RLock()
	number := e.number
	e.l.RUnlock()
	return number
}

type request struct{ ns, path string }

func dataSet(count int) (*router, []request) {
	random := rand.New(rand.NewSource(20262))
	leaves := count / 100
	if leaves < 4 {
		leaves = 4
	}
	if leaves > 10000 {
		leaves = 10000
	}
	teams := (leaves + 99) / 100
	made := &router{root: radix.New()}
	all := make([]request, count)
	for i := range all {
		number, leaf, kind := i/leaves, i%leaves, i%25
		path := fmt.Sprintf("kv-%04d/", number)
		if kind >= 20 && kind < 23 {
			path = fmt.Sprintf("pki/x-%d/", number)
		} else if kind >= 23 {
			path = fmt.Sprintf("deep/er-%d/kv-%04d/", number%7, number)
		}
		all[i] = request{fmt.Sprintf("team-%02d/project-%02d/", leaf%teams, leaf/teams), path}
		made.root.Insert(all[i].ns+all[i].path, &entry{number: 1})
	}
	wanted := 262144
	if count <= 1000 {
		wanted = 16384
	}
	requests := make([]request, wanted)
	for i := range requests {
		mount := all[random.Intn(count)]
		below := fmt.Sprintf("data/app-%d/config-%d", random.Intn(1000), random.Intn(10))
		// As in path_bench every one leads to a mount. A text of its own, as a request's is.
		requests[i] = request{mount.ns, strings.Clone(mount.path + below)}
	}
	return made, requests
}

var zero uint64

func cpuNow() float64 {
	const threadCPU = 3 // CLOCK_THREAD_CPUTIME_ID
	var now syscall.Timespec
	syscall.Syscall(syscall.SYS_CLOCK_GETTIME, threadCPU, uintptr(unsafe.Pointer(&now)), 0)
	return float64(now.Sec)*1e9 + float64(now.Nsec)
}

func measure(r *router, requests []request, threads, operations int) float64 {
	costs := make([]float64, threads)
	var ready, done sync.WaitGroup
	ready.Add(threads)
	for t := 0; t < threads; t++ {
		done.Add(1)
		go func(t int) {
			defer done.Done()
			runtime.LockOSThread()
			ready.Done()
			ready.Wait()
			mask := uint64(len(requests) - 1)
			at := uint64(0)
			start := cpuNow()
			for i := 0; i < operations; i++ {
				asked := &requests[at&mask]
				number := r.look(asked.ns, asked.path)
				if number == 0 {
					panic("no mount for " + asked.ns + asked.path)
				}
				at += 1 + number&zero
			}
			costs[t] = (cpuNow() - start) / float64(operations)
		}(t)
	}
	done.Wait()
	sum := 0.0
	for _, cost := range costs {
		sum += cost
	}
	return sum / float64(threads)
}

// A line on stdin asks for one measurement ("1" or "2" threads) and is answered by one line, so
// that rounds of another program can be interleaved with these.
func main() {
	mounts := flag.Int("mounts", 1000, "")
	operations := flag.Int("operations", 200000, "")
	flag.Parse()
	r, requests := dataSet(*mounts)
	measure(r, requests, 1, *operations)
	out := json.NewEncoder(os.Stdout)
	for {
		var threads int
		if _, err := fmt.Scan(&threads); err != nil {
			return
		}
		out.Encode(map[string]float64{"ns": measure(r, requests, threads, *operations)})
	}
}
