// A vendor on Go's own HTTP server: plain, over TLS, and over TLS for those who show a certificate.
//
// It prints its three addresses as one line of JSON. SIGHUP restarts the plain one as a deployment does: no new
// connections, what is under way finishes, idle connections are closed, and then a new server listens in its place.
package main

import (
	"compress/gzip"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"time"
)

const idle = time.Second // until an idle connection is closed

// arrivals counts requests by what their query calls them.
type arrivals struct {
	sync.Mutex
	counts map[string]int
}

func (a *arrivals) learn(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil { // half a request teaches nothing
		return
	}
	a.Lock()
	a.counts[r.URL.Query().Get("n")]++
	a.Unlock()
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(map[string]any{
		"method": r.Method, "target": r.RequestURI, "body": len(body), "type": r.Header.Get("Content-Type"),
		"resumed": r.TLS != nil && r.TLS.DidResume,
	})
}

func (a *arrivals) tell(w http.ResponseWriter, _ *http.Request) {
	a.Lock()
	defer a.Unlock()
	json.NewEncoder(w).Encode(a.counts)
}

// small takes a thousand bytes, and refuses what is longer once it has read as many.
func small(w http.ResponseWriter, r *http.Request) {
	if _, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1000)); err != nil {
		http.Error(w, "too large", http.StatusRequestEntityTooLarge)
	}
}

func chunked(w http.ResponseWriter, _ *http.Request) {
	for range 50 {
		io.WriteString(w, strings.Repeat("x", 2000))
		w.(http.Flusher).Flush()
	}
}

func squeezed(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Encoding", "gzip")
	squeezing := gzip.NewWriter(w)
	io.WriteString(squeezing, strings.Repeat("x", 100_000))
	squeezing.Close()
}

func hinting(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Link", "</style.css>; rel=preload")
	w.WriteHeader(http.StatusEarlyHints)
	io.WriteString(w, "x")
}

func closing(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Connection", "close")
	io.Copy(io.Discard, r.Body)
	io.WriteString(w, "x")
}

func (a *arrivals) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/learn", a.learn)
	mux.HandleFunc("/arrivals", a.tell)
	mux.HandleFunc("/small", small)
	mux.HandleFunc("/chunked", chunked)
	mux.HandleFunc("/squeezed", squeezed)
	mux.HandleFunc("/hinting", hinting)
	mux.HandleFunc("/closing", closing)
	mux.HandleFunc("/nothing", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	mux.HandleFunc("/unchanged", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotModified) })
	mux.HandleFunc("/moved", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/learn", http.StatusFound) })
	mux.HandleFunc("/hangup", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	return mux
}

func listen(address string) net.Listener {
	listening, err := net.Listen("tcp", address)
	if err != nil {
		log.Fatal(err)
	}
	return listening
}

func main() {
	certificate, key := os.Args[1], os.Args[2]
	counting := &arrivals{counts: map[string]int{}}
	handler := counting.handler()

	plain, secured, jealous := listen("127.0.0.1:0"), listen("127.0.0.1:0"), listen("127.0.0.1:0")
	address := plain.Addr().String()
	for listening, trusted := range map[net.Listener]tls.ClientAuthType{secured: tls.NoClientCert, jealous: tls.RequireAnyClientCert} {
		server := &http.Server{Handler: handler, IdleTimeout: idle, TLSConfig: &tls.Config{ClientAuth: trusted}}
		go func() { log.Fatal(server.ServeTLS(listening, certificate, key)) }()
	}
	addresses, _ := json.Marshal(map[string]string{
		"plain": address, "secured": secured.Addr().String(), "jealous": jealous.Addr().String(),
	})
	fmt.Println(string(addresses))

	restart := make(chan os.Signal, 1)
	signal.Notify(restart, syscall.SIGHUP)
	for {
		server := &http.Server{Handler: handler, IdleTimeout: idle}
		go server.Serve(plain)
		<-restart
		server.Shutdown(context.Background())
		plain = listen(address)
		fmt.Println("restarted")
	}
}
