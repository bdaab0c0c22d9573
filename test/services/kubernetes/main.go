// Command kubernetes reads objects as YAML from stdin and decodes each into Kubernetes' own type, as strictly as its API server:
// an unknown or a repeated field, or a value of another type, is an error.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	apps "k8s.io/api/apps/v1"
	autoscaling "k8s.io/api/autoscaling/v2"
	core "k8s.io/api/core/v1"
	policy "k8s.io/api/policy/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/json"
	"sigs.k8s.io/yaml"
)

var types = map[string]func() any{
	"apps/v1 Deployment":                     func() any { return &apps.Deployment{} },
	"autoscaling/v2 HorizontalPodAutoscaler": func() any { return &autoscaling.HorizontalPodAutoscaler{} },
	"policy/v1 PodDisruptionBudget":          func() any { return &policy.PodDisruptionBudget{} },
	"v1 Service":                             func() any { return &core.Service{} },
	"v1 ServiceAccount":                      func() any { return &core.ServiceAccount{} },
}

func main() {
	text, err := io.ReadAll(os.Stdin)
	if err != nil {
		fail(err)
	}
	for _, object := range strings.Split(string(text), "\n---\n") {
		var kind meta.TypeMeta
		if err := yaml.Unmarshal([]byte(object), &kind); err != nil {
			fail(err)
		}
		name := kind.APIVersion + " " + kind.Kind
		make, known := types[name]
		if !known {
			fail(fmt.Errorf("no type for %q", name))
		}
		if err := decode([]byte(object), make()); err != nil {
			fail(fmt.Errorf("%s: %w", name, err))
		}
	}
}

func decode(object []byte, into any) error {
	text, err := yaml.YAMLToJSONStrict(object)
	if err != nil {
		return err
	}
	complaints, err := json.UnmarshalStrict(text, into)
	return errors.Join(append(complaints, err)...)
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
