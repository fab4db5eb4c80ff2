// SPDX-License-Identifier: BSD-2-Clause
// The lowest part of a connection: bytes in, bytes out, whatever is done to them on the way.
//
//   struct connection (net/connection)    events, buffers, messages
//        | read, write, handshake, shutdown, pending, peek, close
//   struct byte_layer                     plain: the socket itself; secure: a library between
//        | descriptor                     nothing above this line touches it
//
// Every call returns at once: done, or what it waits for. That may be the other direction: a secure write may have to read
// first. The connection arms its events accordingly and calls again with the same bytes.
//
// Life: made by whoever opens the connection (accepted, or connecting), given to it, and ended by close(), which frees what the
// layer has. A plain layer lives inside the connection and costs no memory of its own.
//
// **To add TLS**: a struct that begins with a struct byte_layer and a byte_layer_class of functions for it; stream_open() makes
// one for each accepted socket of a secure transport (a row in net/transport.c), backend_connect() one for backends of a secure
// protocol (a row in backends/protocol.c), queries and checks alike. Nothing else above changes. Thread: the connection's.
#ifndef DNSPROXY_NET_BYTE_LAYER_H
#define DNSPROXY_NET_BYTE_LAYER_H

#include "dnsproxy/base/address.h"

#include <stddef.h>
#include <sys/uio.h>

enum bytes_result {
  BYTES_OK,
  BYTES_WANT_READ,  // again when the descriptor is readable
  BYTES_WANT_WRITE, // again when it is writable
  BYTES_END,        // the peer sends no more
  BYTES_ERROR,      // `error` says why
};

struct byte_layer;

struct byte_layer_class {
  const char *name;
  // Until BYTES_OK nothing else is called. Plain: the end of connect().
  enum bytes_result (*handshake)(struct byte_layer *);
  // At least one byte with BYTES_OK; *done says how many.
  enum bytes_result (*read)(struct byte_layer *, const struct iovec *, int count, size_t *done);
  enum bytes_result (*write)(struct byte_layer *, const struct iovec *, int count, size_t *done);
  enum bytes_result (*shutdown)(struct byte_layer *); // tells the peer that no more is sent
  // Has the peer left, nothing being wanted from it? BYTES_OK: it sent something, which stays where it is.
  enum bytes_result (*peek)(struct byte_layer *);
  size_t (*pending)(const struct byte_layer *); // bytes that read() has without the descriptor becoming readable
  void (*close)(struct byte_layer *);           // the descriptor, and its own memory
};

struct byte_layer {
  const struct byte_layer_class *class;
  int fd;          // for events alone
  int error;       // errno
  bool connecting; // connect() is under way
};

// A connected socket; or one whose connect() is under way, or has been put off to the first write (fast open).
void byte_layer_plain(struct byte_layer *, int fd, bool connecting);

// Where to connect to, and from where.
struct outgoing {
  struct address to, from; // from: unset, the kernel chooses
  const char *interface;   // NULL or "": any
};
// A non-blocking socket whose connect() is under way or done; -1 with errno. For connections without other wishes.
int outgoing_socket(const struct outgoing *);

#endif
