// SPDX-License-Identifier: BSD-2-Clause
// Copies of queries for a third party, over UDP: sent and forgotten, the answers that come are counted.
//
//   TeeAction on any worker --tee_send()--> the worker's own socket to it --> third party
//                                           answers: read, counted by rcode, thrown away
//
// A tee is a counted object: rules hold it, and so does each worker that has a socket of it (opened with the first
// query there). When rules let it go it is retired, and the sockets close within seconds, when the worker looks. A send that
// would wait is counted and lost: the copy must never slow down the query. Figures: any thread.
#ifndef DNSPROXY_NET_TEE_H
#define DNSPROXY_NET_TEE_H

#include "dnsproxy/base/address.h"
#include "dnsproxy/base/object.h"
#include "dnsproxy/core/worker.h"

#include <stdatomic.h>

// In alphabetical order, as they are printed.
enum tee_figure {
  TEE_NOERRORS, TEE_NXDOMAINS, TEE_OTHER_RCODE, TEE_QUERIES, TEE_RECV_ERRORS, TEE_REFUSEDS, TEE_RESPONSES,
  TEE_SEND_ERRORS, TEE_SERVFAILS, TEE_TCP_DROPS,
  TEE_FIGURES
};
extern const char *const tee_figure_names[TEE_FIGURES];

struct tee {
  struct object object;
  struct address remote, local;          // local: unset, or where copies come from
  _Atomic uint64_t figures[TEE_FIGURES];
  _Atomic bool retired;
  _Atomic bool told;                     // that a socket could not be opened
};

struct tee *tee_new(const struct address *remote, const struct address *local);
void tee_retire(struct tee **); // gives the caller's reference back too
static inline void
tee_count(struct tee *t, enum tee_figure f)
{
  atomic_fetch_add_explicit(&t->figures[f], 1, memory_order_relaxed);
}
// On the worker's thread, without ever waiting; counts the query and what went wrong.
void tee_send(struct worker *, struct tee *, const void *packet, size_t size);
void tees_close(struct worker *); // the worker leaves

#endif
