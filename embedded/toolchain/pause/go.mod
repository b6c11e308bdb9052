module groundwork.dev/embedded/toolchain/pause

go 1.26.0
