// What Go's own table must say of a program, asked with and without debug information: inlined
// calls, generics, closures, methods, and a function that is named as a C clone would be. It
// imports nothing, so that building it builds the runtime alone.
package main

type shape interface{ area() float64 }
type square struct{ side float64 }

func (s square) area() float64 { return s.side * s.side }

var seen int

//go:noinline
func cold(n int) int { return n*3 + seen }

func middle(n int) int { return cold(n) + 1 }

//go:noinline
func outer(n int) int {
	total := 0
	for i := 0; i < n; i++ {
		total += middle(i)
	}
	return total
}

//go:noinline
func largest[T int | float64](values []T, each func(T)) T {
	best := values[0]
	for _, v := range values {
		if v > best {
			best = v
		}
		each(v)
	}
	return best
}

func main() {
	var s shape = square{2}
	whole := largest([]int{1, 2}, func(n int) { seen += outer(n) })
	half := largest([]float64{1}, func(float64) { seen++ })
	println(outer(10), s.area(), whole, half)
}
