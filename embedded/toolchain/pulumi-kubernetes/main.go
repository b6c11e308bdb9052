// The official Kubernetes plugin of the engine. Its own main package embeds two files that only its release process
// writes, so that it can't be built as a module of others; this is the same main with the files that the module has.
// Called by a link named kubectl it is kubectl, whose packages the plugin has in it anyway: who brings a cluster of
// their own need not have one, and Kubernetes itself is not compiled for it.
package main

import (
	_ "embed"
	"os"
	"path/filepath"
	"time"

	"github.com/pulumi/pulumi-kubernetes/provider/v4/pkg/provider"
	"github.com/pulumi/pulumi-kubernetes/provider/v4/pkg/version"
	"k8s.io/component-base/cli"
	kubectl "k8s.io/kubectl/pkg/cmd"
	kubectlutil "k8s.io/kubectl/pkg/cmd/util"
)

// Both are in the module, beside its main package; the build puts them here.
var (
	//go:embed schema.json
	schema []byte
	//go:embed terraform-mapping.json
	terraformMapping []byte
)

func main() {
	if filepath.Base(os.Args[0]) == "kubectl" {
		if err := cli.RunNoErrOutput(kubectl.NewDefaultKubectlCommand()); err != nil {
			kubectlutil.CheckErr(err)
		}
		return
	}
	go endWithEngine(os.Getppid())
	provider.Serve("kubernetes", version.Version, schema, terraformMapping)
}

// endWithEngine ends this process when the engine that started it was killed: it would stay for good.
func endWithEngine(engine int) {
	for os.Getppid() == engine {
		time.Sleep(time.Second)
	}
	os.Exit(1)
}
