// The greeting by fasthttp: server PORT. GOMAXPROCS comes from the environment.
package main

import (
	"fmt"
	"log"
	"os"

	"github.com/valyala/fasthttp"
)

func greet(ctx *fasthttp.RequestCtx) {
	fmt.Fprintf(ctx, "Hello, visitor! You've requested: %s\n", ctx.Path())
}

func main() {
	log.Fatal(fasthttp.ListenAndServe("127.0.0.1:"+os.Args[1], greet))
}
