// A secrets plugin that speaks Vault's protocol: it keeps nothing itself and stores what it is given
// through the Storage service of its host.
package main

import (
	"context"
	"errors"
	"os"

	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"

	"vaultpb"
	"vaultversionpb"
)

var version = "v1.0.0"

type backend struct {
	broker  *plugin.GRPCBroker
	storage vaultpb.StorageClient
	prefix  string
}

func (b *backend) Setup(_ context.Context, args *vaultpb.SetupArgs) (*vaultpb.SetupReply, error) {
	connection, err := b.broker.Dial(args.BrokerId)
	if err != nil {
		return &vaultpb.SetupReply{Err: err.Error()}, nil
	}
	b.storage = vaultpb.NewStorageClient(connection)
	b.prefix = args.Config["prefix"]
	return &vaultpb.SetupReply{}, nil
}

func (b *backend) Initialize(context.Context, *vaultpb.InitializeArgs) (*vaultpb.InitializeReply, error) {
	return &vaultpb.InitializeReply{}, nil
}

func (b *backend) Type(context.Context, *vaultpb.Empty) (*vaultpb.TypeReply, error) {
	if b.storage == nil {
		return nil, errors.New("no instance found: Setup comes first, as on Vault's SDK")
	}
	return &vaultpb.TypeReply{Type: 1}, nil
}

func (b *backend) Version(context.Context, *vaultversionpb.Empty) (*vaultversionpb.VersionReply, error) {
	return &vaultversionpb.VersionReply{PluginVersion: version}, nil
}

func (b *backend) Cleanup(context.Context, *vaultpb.Empty) (*vaultpb.Empty, error) {
	os.NewFile(2, "stderr").WriteString(`{"@level":"info","@message":"cleaned up"}` + "\n")
	return &vaultpb.Empty{}, nil
}

func (b *backend) HandleRequest(ctx context.Context, args *vaultpb.HandleRequestArgs) (*vaultpb.HandleRequestReply, error) {
	data, err := b.handle(ctx, args.Request)
	if err != nil {
		return &vaultpb.HandleRequestReply{Err: &vaultpb.ProtoError{ErrType: 1, ErrMsg: err.Error()}}, nil
	}
	return &vaultpb.HandleRequestReply{Response: &vaultpb.Response{Data: data}}, nil
}

func (b *backend) handle(ctx context.Context, request *vaultpb.Request) (string, error) {
	if b.storage == nil {
		return "", errors.New("not set up")
	}
	key := b.prefix + request.Path
	switch request.Operation {
	case "create", "update":
		entry := &vaultpb.StorageEntry{Key: key, Value: []byte(request.Data)}
		reply, err := b.storage.Put(ctx, &vaultpb.StoragePutArgs{Entry: entry})
		return "", either(err, reply.GetErr())
	case "delete":
		reply, err := b.storage.Delete(ctx, &vaultpb.StorageDeleteArgs{Key: key})
		return "", either(err, reply.GetErr())
	case "read":
		reply, err := b.storage.Get(ctx, &vaultpb.StorageGetArgs{Key: key})
		return string(reply.GetEntry().GetValue()), either(err, reply.GetErr())
	}
	return "", errors.New("unsupported operation")
}

func either(err error, text string) error {
	if err == nil && text != "" {
		return errors.New(text)
	}
	return err
}

type vaultPlugin struct {
	plugin.NetRPCUnsupportedPlugin
}

func (vaultPlugin) GRPCServer(broker *plugin.GRPCBroker, server *grpc.Server) error {
	kv := &backend{broker: broker}
	vaultpb.RegisterBackendServer(server, kv)
	vaultversionpb.RegisterPluginVersionServer(server, kv)
	return nil
}

func (vaultPlugin) GRPCClient(context.Context, *plugin.GRPCBroker, *grpc.ClientConn) (interface{}, error) {
	return nil, nil
}

func main() {
	backends := plugin.PluginSet{"backend": vaultPlugin{}}
	plugin.Serve(&plugin.ServeConfig{
		HandshakeConfig: plugin.HandshakeConfig{
			MagicCookieKey:   "VAULT_BACKEND_PLUGIN",
			MagicCookieValue: "6669da05-b1c8-4f49-97d9-c8e5bed98e20",
		},
		VersionedPlugins: map[int]plugin.PluginSet{3: backends, 4: backends},
		GRPCServer:       plugin.DefaultGRPCServer,
	})
}
