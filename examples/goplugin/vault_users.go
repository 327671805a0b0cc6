// A database plugin that speaks Vault's protocol, of version 6: one process serves many connections,
// each by the multiplex_id that its calls carry. Its database is a map.
package main

import (
	"context"
	"fmt"
	"os"
	"sync"

	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"vaultdatabasepb"
	"vaultmultiplexingpb"
	"vaultversionpb"
)

var version = "v1.0.0" // set by the linker

// One connection of the host's.
type database struct {
	url   string
	users map[string]string // name to password
}

type server struct {
	lock      sync.Mutex
	databases map[string]*database
	made      int
}

func idOf(ctx context.Context) string {
	incoming, _ := metadata.FromIncomingContext(ctx)
	if ids := incoming.Get("multiplex_id"); len(ids) == 1 {
		return ids[0]
	}
	return ""
}

func (s *server) find(ctx context.Context) (*database, error) {
	if found := s.databases[idOf(ctx)]; found != nil {
		return found, nil
	}
	return nil, status.Error(codes.Internal, "no database instance found")
}

func (s *server) Initialize(ctx context.Context, request *vaultdatabasepb.InitializeRequest) (*vaultdatabasepb.InitializeResponse, error) {
	url := request.GetConfigData().GetFields()["connection_url"].GetStringValue()
	if url == "" {
		return nil, status.Error(codes.Internal, "failed to initialize: connection_url cannot be empty")
	}
	s.lock.Lock()
	defer s.lock.Unlock()
	s.databases[idOf(ctx)] = &database{url: url, users: map[string]string{}}
	return &vaultdatabasepb.InitializeResponse{ConfigData: request.ConfigData}, nil
}

func (s *server) NewUser(ctx context.Context, request *vaultdatabasepb.NewUserRequest) (*vaultdatabasepb.NewUserResponse, error) {
	s.lock.Lock()
	defer s.lock.Unlock()
	db, err := s.find(ctx)
	if err != nil {
		return nil, err
	}
	s.made++
	config := request.GetUsernameConfig()
	name := fmt.Sprintf("v-%s-%s-%d", config.GetDisplayName(), config.GetRoleName(), s.made)
	db.users[name] = request.Password
	return &vaultdatabasepb.NewUserResponse{Username: name}, nil
}

func (s *server) UpdateUser(ctx context.Context, request *vaultdatabasepb.UpdateUserRequest) (*vaultdatabasepb.UpdateUserResponse, error) {
	s.lock.Lock()
	defer s.lock.Unlock()
	db, err := s.find(ctx)
	if err != nil {
		return nil, err
	}
	if _, known := db.users[request.Username]; !known {
		return nil, status.Error(codes.Internal, "unable to update user: there is none")
	}
	db.users[request.Username] = request.GetPassword().GetNewPassword()
	return &vaultdatabasepb.UpdateUserResponse{}, nil
}

func (s *server) DeleteUser(ctx context.Context, request *vaultdatabasepb.DeleteUserRequest) (*vaultdatabasepb.DeleteUserResponse, error) {
	s.lock.Lock()
	defer s.lock.Unlock()
	db, err := s.find(ctx)
	if err != nil {
		return nil, err
	}
	delete(db.users, request.Username)
	return &vaultdatabasepb.DeleteUserResponse{}, nil
}

func (s *server) Type(context.Context, *vaultdatabasepb.Empty) (*vaultdatabasepb.TypeResponse, error) {
	return &vaultdatabasepb.TypeResponse{Type: "users"}, nil
}

func (s *server) Close(ctx context.Context, _ *vaultdatabasepb.Empty) (*vaultdatabasepb.Empty, error) {
	s.lock.Lock()
	defer s.lock.Unlock()
	db, err := s.find(ctx)
	if err != nil {
		return nil, err
	}
	delete(s.databases, idOf(ctx))
	line := fmt.Sprintf(`{"@level":"info","@message":"closed %s"}`, db.url)
	os.NewFile(2, "stderr").WriteString(line + "\n")
	return &vaultdatabasepb.Empty{}, nil
}

func (s *server) Version(context.Context, *vaultversionpb.Empty) (*vaultversionpb.VersionReply, error) {
	return &vaultversionpb.VersionReply{PluginVersion: version}, nil
}

func (s *server) MultiplexingSupport(context.Context, *vaultmultiplexingpb.MultiplexingSupportRequest) (*vaultmultiplexingpb.MultiplexingSupportResponse, error) {
	return &vaultmultiplexingpb.MultiplexingSupportResponse{Supported: true}, nil
}

type usersPlugin struct {
	plugin.NetRPCUnsupportedPlugin
}

func (usersPlugin) GRPCServer(_ *plugin.GRPCBroker, grpcServer *grpc.Server) error {
	users := &server{databases: map[string]*database{}}
	vaultdatabasepb.RegisterDatabaseServer(grpcServer, users)
	vaultversionpb.RegisterPluginVersionServer(grpcServer, users)
	vaultmultiplexingpb.RegisterPluginMultiplexingServer(grpcServer, users)
	return nil
}

func (usersPlugin) GRPCClient(context.Context, *plugin.GRPCBroker, *grpc.ClientConn) (interface{}, error) {
	return nil, nil
}

func main() {
	databases := plugin.PluginSet{"database": usersPlugin{}}
	plugin.Serve(&plugin.ServeConfig{
		HandshakeConfig: plugin.HandshakeConfig{
			MagicCookieKey:   "VAULT_DATABASE_PLUGIN",
			MagicCookieValue: "926a0820-aea2-be28-51d6-83cdf00e8edb",
		},
		VersionedPlugins: map[int]plugin.PluginSet{5: databases, 6: databases},
		GRPCServer:       plugin.DefaultGRPCServer,
	})
}
