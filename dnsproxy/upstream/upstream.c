// SPDX-License-Identifier: BSD-2-Clause
// What a worker keeps for its backends, over both transports.
#include "dnsproxy/upstream/upstream.h"

#include "dnsproxy/upstream/upstream_datagram.h"
#include "dnsproxy/upstream/upstream_stream.h"

void
upstream_open(struct worker *w)
{
  upstream_datagram_open(w);
  upstream_stream_open(w);
}

void
upstream_flush(struct worker *w)
{
  if (w->upstreams != NULL)
    upstream_datagram_flush(w);
}

void
upstream_retired(struct worker *w)
{
  upstream_datagram_retired(w);
  upstream_stream_retired(w);
}

void
upstream_close(struct worker *w)
{
  upstream_stream_close(w);
  upstream_datagram_close(w);
}
