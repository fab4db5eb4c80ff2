// SPDX-License-Identifier: BSD-2-Clause
// Life and lock of configurations, their defaults, and how a snapshot is made of one.
#include "dnsproxy/config/configuration.h"

#include "dnsproxy/base/memory.h"
#include "dnsproxy/net/listener.h"
#include "dnsproxy/backends/health.h"

#include <assert.h>
#include <stdlib.h>

static const char *const default_acl[] = {"127.0.0.0/8",   "10.0.0.0/8", "100.64.0.0/10", "169.254.0.0/16", "192.168.0.0/16",
                                          "172.16.0.0/12", "::1/128",    "fc00::/7",      "fe80::/10",      NULL};
static const char *const default_console_acl[] = {"127.0.0.1/8", "::1/128", NULL};

static struct netmask_set *
configuration_acl_of(const char *const *masks)
{
  struct netmask_set *set = netmask_set_new();
  for (; *masks != NULL; masks++) {
    struct netmask mask;
    bool good = netmask_parse(&mask, *masks, &(struct fault)FAULT_INIT);
    assert(good);
    netmask_set_add(set, &mask);
  }
  return set;
}

// Rules that are timed while the configuration loads see no pool.
static const struct pool_table *
configuration_pools_of(const struct query *q)
{
  static const struct pool_table none;
  return q->lease->snapshot == NULL ? &none : q->lease->snapshot->pools;
}

enum { PARTS_MAX = 4 };

static const struct configuration_part *parts[PARTS_MAX]; // set before threads start
static unsigned part_count;
// Changed under the lock, so that whoever takes a reference does not lose the race for it, and what is delivered last is of
// the one that is live.
static pthread_mutex_t live_lock = PTHREAD_MUTEX_INITIALIZER;
static _Atomic(struct configuration *) live;
static _Thread_local struct configuration *held;

void
configuration_use_part(const struct configuration_part *part)
{
  for (unsigned n = 0; n < part_count; n++)
    if (parts[n] == part)
      return;
  assert(part_count < PARTS_MAX);
  parts[part_count++] = part;
}

// ---- who holds which ----

struct configuration *
configuration_go_live(struct configuration *c)
{
  pthread_mutex_lock(&live_lock);
  struct configuration *before = atomic_exchange(&live, c);
  pthread_mutex_unlock(&live_lock);
  return before;
}

static struct configuration *
configuration_take_live(void)
{
  pthread_mutex_lock(&live_lock);
  struct configuration *c = object_ref(atomic_load(&live));
  pthread_mutex_unlock(&live_lock);
  return c;
}

bool
configuration_is_live(const struct configuration *c)
{
  return c == atomic_load(&live);
}

struct configuration *
config(void)
{
  return held != NULL ? held : atomic_load_explicit(&live, memory_order_acquire);
}

void
configuration_lock(struct configuration *c)
{
  pthread_mutex_lock(&c->lock);
  if (c->depth++ > 0)
    return;
  c->outer = held;
  c->outer_undo = undo_use(&c->undo);
  held = c;
}

static void
configuration_release(struct configuration *c)
{
  if (--c->depth == 0) {
    held = c->outer;
    undo_use(c->outer_undo);
  }
  pthread_mutex_unlock(&c->lock);
}

// It may have been replaced while we waited for it.
void
configuration_lock_live(void)
{
  for (bool is_live = false; !is_live;) {
    struct configuration *c = configuration_take_live();
    configuration_lock(c);
    is_live = c == atomic_load(&live);
    if (!is_live)
      configuration_release(c);
    object_unref(&c);
  }
}

void
configuration_lock_current(void)
{
  if (held != NULL)
    configuration_lock(held);
  else
    configuration_lock_live();
}

void
configuration_unlock(void)
{
  assert(held != NULL && held->depth > 0);
  for (unsigned i = 0; held->depth == 1 && i < part_count; i++)
    if (parts[i]->leave != NULL)
      parts[i]->leave(held);
  configuration_release(held);
}

// ---- life ----

static _Atomic(struct configuration *) unknown; // nobody knows them: to be closed; by `outer`

// The last reference may have been a worker's.
static void
configuration_free(struct object *object)
{
  struct configuration *c = (struct configuration *)(void *)object;
  c->outer = atomic_load(&unknown);
  while (!atomic_compare_exchange_weak(&unknown, &c->outer, c))
    ;
}

static const struct object_class configuration_class = {.name = "configuration", .free = configuration_free};

struct configuration *
configuration_new(enum config_phase phase)
{
  struct configuration *c = memory_new(sizeof *c);
  object_init(&c->object, &configuration_class);
  pthread_mutexattr_t attributes;
  pthread_mutexattr_init(&attributes);
  pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_RECURSIVE);
  pthread_mutex_init(&c->lock, &attributes);
  pthread_mutexattr_destroy(&attributes);
  selector_pools = configuration_pools_of;
  c->phase = phase;
  c->changed = true;
  settings_default(&c->settings);
  c->acl = configuration_acl_of(default_acl);
  c->proxy_acl = netmask_set_new();
  dynblock_draft_init(&c->dynblocks);
  c->console_acl = configuration_acl_of(default_console_acl);
  address_parse(&c->console_address, "127.0.0.1", 5199, &(struct fault)FAULT_INIT);
  configuration_lock(c);
  pool_draft_get(&c->pools, "");
  for (unsigned i = 0; i < part_count; i++)
    if (parts[i]->open != NULL)
      parts[i]->open(c);
  configuration_release(c);
  return c;
}

// What snapshots are built from.
static void
configuration_clear(struct configuration *c)
{
  object_unref(&c->built);
  object_unref(&c->acl);
  object_unref(&c->proxy_acl);
  dynblock_draft_fini(&c->dynblocks);
  object_unref(&c->console_acl);
  for (unsigned i = 0; i < CHAIN_COUNT; i++)
    rule_list_clear(&c->chains[i]);
  pool_draft_fini(&c->pools);
  for (size_t i = 0; i < c->listener_count; i++)
    object_unref(&c->listeners[i]);
  free(c->listeners);
  for (size_t i = 0; i < c->capability_count; i++)
    free(c->capabilities[i]);
  free(c->capabilities);
  object_unref(&c->query_filter);
  free(c->limbo);
}

void
configuration_retire(struct configuration **slot)
{
  struct configuration *c = *slot;
  *slot = NULL;
  if (c == NULL)
    return;
  configuration_lock(c);
  object_unref(&c->built); // it holds us
  configuration_release(c);
  object_unref(&c);
}

// The parts first, while what they refer to is there.
static void
configuration_close(struct configuration *c)
{
  configuration_lock(c);
  for (unsigned i = part_count; i-- > 0;)
    if (parts[i]->close != NULL)
      parts[i]->close(c);
  configuration_clear(c);
  configuration_release(c);
  chains_reap();
  pthread_mutex_destroy(&c->lock);
  free(c);
}

void
configuration_reap(void)
{
  if (atomic_load_explicit(&unknown, memory_order_relaxed) == NULL)
    return;
  for (struct configuration *c = atomic_exchange(&unknown, NULL), *next; c != NULL; c = next) {
    next = c->outer;
    configuration_close(c);
  }
}

// ---- snapshots ----

void
configuration_observe(const struct observer *observer)
{
  struct configuration *c = config();
  for (size_t i = 0; i < c->observer_count; i++)
    if (c->observers[i] == observer)
      return;
  assert(c->observer_count < OBSERVERS_MAX);
  c->observers[c->observer_count++] = observer;
  c->changed = true;
}

static struct chain *
configuration_chain_of(struct configuration *c, unsigned id, const struct snapshot *last)
{
  struct rule_list *list = &c->chains[id];
  bool plain = !c->settings.rule_index;
  if (last != NULL && !list->changed && list->plain == plain)
    return object_ref(last->chains[id]);
  list->changed = false;
  list->plain = plain;
  return chain_build(list);
}

struct snapshot *
configuration_build(void)
{
  struct configuration *c = config();
  struct snapshot *last = c->built;
  struct snapshot *next = memory_new(sizeof *next);
  object_init(&next->object, &snapshot_class);
  next->configuration = object_ref(c);
  next->generation = last == NULL ? 1 : last->generation + 1;
  next->settings = c->settings;
  netmask_set_build(c->acl);
  netmask_set_build(c->proxy_acl);
  next->acl = object_ref(c->acl);
  next->proxy_acl = object_ref(c->proxy_acl);
  for (unsigned i = 0; i < CHAIN_COUNT; i++)
    next->chains[i] = configuration_chain_of(c, i, last);
  if (last != NULL && !c->pools.changed) {
    next->pools = object_ref(last->pools);
    next->backends = object_ref(last->backends);
  } else {
    c->pools.changed = false;
    next->pools = pool_table_build(&c->pools, &c->settings);
    next->backends = backend_list_build(&c->pools);
  }
  if (last != NULL && !c->dynblocks.changed)
    next->dynblocks = object_ref(last->dynblocks);
  else
    next->dynblocks = dynblock_set_build(&c->dynblocks);
  c->dynblocks.changed = false;
  next->observers = observers_build(c->observers, c->observer_count, last == NULL ? NULL : last->observers);
  next->query_filter = object_ref(c->query_filter);
  c->changed = false;
  object_unref(&c->built);
  c->built = object_ref(next);
  c->undelivered = true;
  return next;
}

bool
configuration_changed(void)
{
  const struct configuration *c = config();
  bool changed = c->changed || c->undelivered || c->pools.changed || c->dynblocks.changed;
  for (unsigned i = 0; i < CHAIN_COUNT; i++)
    changed |= c->chains[i].changed;
  return changed;
}

enum { BLOCKS_PER_EDIT = 1024 }; // that are freed at once while somebody waits

void
configuration_publish(void)
{
  struct configuration *c = config();
  struct snapshot *next = configuration_build();
  pthread_mutex_lock(&live_lock);
  bool is_live = c == atomic_load(&live);
  if (is_live) {
    health_watch(next->backends);
    health_log_failures(next->settings.verbose_health_checks);
    snapshot_deliver(next);
    c->undelivered = false;
  }
  pthread_mutex_unlock(&live_lock);
  if (!is_live) // another one took its place meanwhile
    object_unref(&next);
  if (worker_current() == NULL) {
    chains_reap();
    dynblock_reap(BLOCKS_PER_EDIT);
  }
}

void
configuration_withdraw(void)
{
  object_unref(&config()->built);
  snapshot_deliver(NULL);
}
