// SPDX-License-Identifier: BSD-2-Clause
// PROXY headers towards backends that want them (semantics.md section 14). Internal to pool/. Thread: the worker.
#ifndef DNSPROXY_UPSTREAM_UPSTREAM_PROXY_H
#define DNSPROXY_UPSTREAM_UPSTREAM_PROXY_H

#include "dnsproxy/backends/backend.h"
#include "dnsproxy/core/query.h"

// Makes room for the header, and for the packet behind it if with_packet. False: no memory.
bool upstream_proxy_prepare(struct query *, const struct backend *, bool with_packet);
// Writes them: extra->proxied and its size. The packet is as it will be sent.
void upstream_proxy_write(struct query *, bool with_packet);

#endif
