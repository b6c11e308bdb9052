// Package ext is a module of Traefik's repository that is not published: the places where a commercial edition adds
// fields to the configuration, empty here as they are there.
package ext

// HTTP adds nothing to the HTTP configuration.
type HTTP struct{}

// Router adds nothing to a router.
type Router struct{}

// RouterIng adds nothing to a router's annotations.
type RouterIng struct{}

// ToRouter returns what the annotations add to a router.
func (RouterIng) ToRouter() Router { return Router{} }
