// Command envoy reads a bootstrap configuration of Envoy as JSON from stdin, decodes it into Envoy's own messages, those of the filters
// in it too, and checks the limits that they declare.
package main

import (
	"fmt"
	"io"
	"os"

	bootstrap "github.com/envoyproxy/go-control-plane/envoy/config/bootstrap/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/router/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/listener/tls_inspector/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/quic/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/upstreams/http/v3"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/anypb"
)

func main() {
	text, err := io.ReadAll(os.Stdin)
	if err != nil {
		fail(err)
	}
	var config bootstrap.Bootstrap
	if err := protojson.Unmarshal(text, &config); err != nil {
		fail(err)
	}
	check(&config)
}

// check validates a message and, in what it holds of any type, further ones.
func check(message proto.Message) {
	if own, isLimited := message.(interface{ ValidateAll() error }); isLimited {
		if err := own.ValidateAll(); err != nil {
			fail(err)
		}
	}
	visit(message.ProtoReflect())
}

func visit(message protoreflect.Message) {
	if packed, isAny := message.Interface().(*anypb.Any); isAny {
		inner, err := packed.UnmarshalNew()
		if err != nil {
			fail(err)
		}
		check(inner)
		return
	}
	message.Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		switch {
		case field.IsMap() && field.MapValue().Message() != nil:
			value.Map().Range(func(_ protoreflect.MapKey, each protoreflect.Value) bool {
				visit(each.Message())
				return true
			})
		case field.IsList() && field.Message() != nil:
			for index := range value.List().Len() {
				visit(value.List().Get(index).Message())
			}
		case !field.IsMap() && !field.IsList() && field.Message() != nil:
			visit(value.Message())
		}
		return true
	})
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
