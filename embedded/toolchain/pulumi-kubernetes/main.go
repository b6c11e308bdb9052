// The official Kubernetes plugin of the engine. Its own main package embeds two files that only its release process
// writes, so that it can't be built as a module of others; this is the same main with the files that the module has.
package main

import (
	_ "embed"
	"os"
	"time"

	"github.com/pulumi/pulumi-kubernetes/provider/v4/pkg/provider"
	"github.com/pulumi/pulumi-kubernetes/provider/v4/pkg/version"
)

// Both are in the module, beside its main package; the build puts them here.
var (
	//go:embed schema.json
	schema []byte
	//go:embed terraform-mapping.json
	terraformMapping []byte
)

func main() {
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
