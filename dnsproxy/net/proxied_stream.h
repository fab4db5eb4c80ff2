// SPDX-License-Identifier: BSD-2-Clause
// Connections that begin with a PROXY header: nothing of what follows it is read before it is whole. Thread: the worker.
#ifndef DNSPROXY_NET_PROXIED_STREAM_H
#define DNSPROXY_NET_PROXIED_STREAM_H

#include "dnsproxy/net/stream.h"

// Waits for the header, then opens the stream; the socket is taken over. False: no memory.
bool proxied_stream_open(struct stream_listener *, int fd, const struct address *peer, bool restricted);
void proxied_streams_close(struct worker *); // those that still wait

#endif
