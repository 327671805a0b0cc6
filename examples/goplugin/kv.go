// A plugin in Go, on HashiCorp's go-plugin: the one that everybody has.
package main

import (
	"context"
	"os"

	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	"kvpb"
)

var version = "v1.0.0" // set by the linker

type kv struct{}

func (kv) Get(ctx context.Context, request *kvpb.GetRequest) (*kvpb.GetAnswer, error) {
	answer := &kvpb.GetAnswer{Value: "value-of-" + request.Key, Version: version, Pid: int64(os.Getpid())}
	if incoming, ok := metadata.FromIncomingContext(ctx); ok {
		if ids := incoming.Get("multiplex_id"); len(ids) > 0 {
			answer.MultiplexId = ids[0]
		}
	}
	return answer, nil
}

func (kv) Crash(context.Context, *kvpb.CrashRequest) (*kvpb.CrashAnswer, error) {
	os.Exit(7)
	return nil, nil
}

func (kv) Write(_ context.Context, request *kvpb.WriteRequest) (*kvpb.WriteAnswer, error) {
	file := os.NewFile(2, "stderr") // go-plugin replaces os.Stderr
	if request.ToStdout {
		file = os.NewFile(1, "stdout")
	}
	_, err := file.Write(request.Text)
	return &kvpb.WriteAnswer{}, err
}

type kvPlugin struct {
	plugin.NetRPCUnsupportedPlugin
}

func (kvPlugin) GRPCServer(_ *plugin.GRPCBroker, server *grpc.Server) error {
	kvpb.RegisterKvServer(server, kv{})
	return nil
}

func (kvPlugin) GRPCClient(context.Context, *plugin.GRPCBroker, *grpc.ClientConn) (interface{}, error) {
	return nil, nil
}

func main() {
	plugin.Serve(&plugin.ServeConfig{
		HandshakeConfig: plugin.HandshakeConfig{
			ProtocolVersion:  1,
			MagicCookieKey:   "PLUGRELOAD_EXAMPLE",
			MagicCookieValue: "kv",
		},
		Plugins:    map[string]plugin.Plugin{"kv": kvPlugin{}},
		GRPCServer: plugin.DefaultGRPCServer,
	})
}
