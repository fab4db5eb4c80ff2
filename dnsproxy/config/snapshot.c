// SPDX-License-Identifier: BSD-2-Clause
// Delivering snapshots to workers, and the leases that keep an old one alive until its last query ends.
#include "dnsproxy/config/snapshot.h"

#include "dnsproxy/base/memory.h"
#include "dnsproxy/base/permit.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

static void
snapshot_free(struct object *object)
{
  struct snapshot *s = (struct snapshot *)object;
  object_unref(&s->acl);
  object_unref(&s->proxy_acl);
  object_unref(&s->dynblocks);
  object_unref(&s->observers);
  for (unsigned i = 0; i < CHAIN_COUNT; i++)
    object_unref(&s->chains[i]);
  object_unref(&s->pools);
  object_unref(&s->backends);
  object_unref(&s->query_filter);
  object_unref(&s->configuration);
  free(s);
}

const struct object_class snapshot_class = {.name = "Snapshot", .free = snapshot_free};

// A mutex and not an atomic pointer: a reader must not lose the race between reading the pointer and taking a
// reference. Never on the path of packets.
static pthread_mutex_t current_lock = PTHREAD_MUTEX_INITIALIZER;
static struct snapshot *current;

struct snapshot *
snapshot_current(void)
{
  pthread_mutex_lock(&current_lock);
  struct snapshot *s = object_ref(current);
  pthread_mutex_unlock(&current_lock);
  return s;
}

void
snapshot_deliver(struct snapshot *next)
{
  for (unsigned i = 0; i < worker_count(); i++) {
    struct snapshot *unread = atomic_exchange_explicit(&workers[i]->mailbox, object_ref(next), memory_order_acq_rel);
    object_unref(&unread);
    worker_wake(workers[i]);
  }
  pthread_mutex_lock(&current_lock);
  struct snapshot *old = current;
  current = next;
  pthread_mutex_unlock(&current_lock);
  object_unref(&old);
}

static void
snapshot_lease_free(struct lease **slot)
{
  struct lease *lease = *slot;
  *slot = NULL;
  object_unref(&lease->snapshot);
  free(lease);
}

// Ends the leases whose last query is gone.
static void
snapshot_sweep(struct worker *w)
{
  for (struct lease **at = &w->old_leases; *at != NULL;) {
    PERMIT("a new configuration");
    struct lease *lease = *at;
    if (lease->queries > 0) {
      at = &lease->next;
    } else {
      *at = lease->next;
      snapshot_lease_free(&lease);
    }
  }
}

void
snapshot_take(struct worker *w)
{
  if (w->old_leases != NULL)
    snapshot_sweep(w);
  if (atomic_load_explicit(&w->mailbox, memory_order_relaxed) == NULL)
    return;
  PERMIT("a new configuration");
  struct snapshot *next = atomic_exchange_explicit(&w->mailbox, NULL, memory_order_acq_rel);
  if (next == NULL)
    return;
  if (w->lease != NULL) {
    w->lease->next = w->old_leases;
    w->old_leases = w->lease;
  }
  w->lease = memory_new(sizeof *w->lease);
  w->lease->snapshot = next;
  w->lease->settings = &next->settings;
}

struct lease *
lease_begin(struct worker *w)
{
  w->lease->queries++;
  return w->lease;
}

void
leases_drop(struct worker *w)
{
  snapshot_sweep(w);
  assert(w->old_leases == NULL);
  if (w->lease != NULL) {
    assert(w->lease->queries == 0);
    snapshot_lease_free(&w->lease);
  }
  struct snapshot *unread = atomic_exchange(&w->mailbox, NULL);
  object_unref(&unread);
}
