// The real go-plugin client as a host of any plugin of kv.proto.
//
//	go_host [-mtls] [-sha256 HEX] [-times N] PROGRAM
//
// Starts it, pings it, asks for a key, stops it; N times. Fails with what went wrong, else prints
// what it took: the clock's time, the processor's in the host and in the plugin.
package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"flag"
	"fmt"
	"io/ioutil"
	"os"
	"os/exec"
	"syscall"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"

	"kvpb"
)

type kvPlugin struct {
	plugin.NetRPCUnsupportedPlugin
}

func (kvPlugin) GRPCServer(*plugin.GRPCBroker, *grpc.Server) error { return nil }

func (kvPlugin) GRPCClient(_ context.Context, _ *plugin.GRPCBroker, connection *grpc.ClientConn) (interface{}, error) {
	return kvpb.NewKvClient(connection), nil
}

func once(program string, mtls bool, secure *plugin.SecureConfig) error {
	client := plugin.NewClient(&plugin.ClientConfig{
		HandshakeConfig: plugin.HandshakeConfig{
			ProtocolVersion: 1, MagicCookieKey: "PLUGRELOAD_EXAMPLE", MagicCookieValue: "kv",
		},
		Plugins:          map[string]plugin.Plugin{"kv": kvPlugin{}},
		Cmd:              exec.Command(program),
		AllowedProtocols: []plugin.Protocol{plugin.ProtocolGRPC},
		AutoMTLS:         mtls,
		SecureConfig:     secure,
		Logger:           hclog.New(&hclog.LoggerOptions{Output: ioutil.Discard}),
	})
	defer client.Kill()
	protocol, err := client.Client()
	if err != nil {
		return fmt.Errorf("start: %w", err)
	}
	if err := protocol.Ping(); err != nil {
		return fmt.Errorf("ping: %w", err)
	}
	raw, err := protocol.Dispense("kv")
	if err != nil {
		return fmt.Errorf("dispense: %w", err)
	}
	answer, err := raw.(kvpb.KvClient).Get(context.Background(), &kvpb.GetRequest{Key: "k"})
	if err != nil {
		return fmt.Errorf("get: %w", err)
	}
	if answer.Value != "value-of-k" {
		return fmt.Errorf("get: %q", answer.Value)
	}
	client.Kill()
	if !client.Exited() {
		return fmt.Errorf("it has not ended")
	}
	return nil
}

func cpu(who int) time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(who, &usage); err != nil {
		return 0
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

func main() {
	mtls := flag.Bool("mtls", false, "with AutoMTLS")
	checksum := flag.String("sha256", "", "of the program; checked before each start")
	times := flag.Int("times", 1, "how often")
	flag.Parse()
	sum, err := hex.DecodeString(*checksum)
	if err != nil {
		fmt.Fprintln(os.Stderr, "go_host:", err)
		os.Exit(1)
	}
	begin := time.Now()
	host, child := cpu(syscall.RUSAGE_SELF), cpu(syscall.RUSAGE_CHILDREN)
	for i := 0; i < *times; i++ {
		var secure *plugin.SecureConfig
		if len(sum) > 0 {
			secure = &plugin.SecureConfig{Checksum: sum, Hash: sha256.New()}
		}
		if err := once(flag.Arg(0), *mtls, secure); err != nil {
			fmt.Fprintln(os.Stderr, "go_host:", err)
			os.Exit(1)
		}
	}
	each := func(total time.Duration) float64 { return total.Seconds() * 1000 / float64(*times) }
	fmt.Printf("%d %.3f %.3f %.3f\n", *times, each(time.Since(begin)),
		each(cpu(syscall.RUSAGE_SELF)-host), each(cpu(syscall.RUSAGE_CHILDREN)-child))
}
