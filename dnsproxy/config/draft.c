// SPDX-License-Identifier: BSD-2-Clause
// The configuration being edited, its defaults, and how a snapshot is made of it.
#include "dnsproxy/config/draft.h"

#include "dnsproxy/base/memory.h"
#include "dnsproxy/net/listener.h"
#include "dnsproxy/backends/health.h"

#include <assert.h>
#include <stdlib.h>

struct draft draft;

static const char *const default_acl[] = {"127.0.0.0/8",   "10.0.0.0/8", "100.64.0.0/10", "169.254.0.0/16", "192.168.0.0/16",
                                          "172.16.0.0/12", "::1/128",    "fc00::/7",      "fe80::/10",      NULL};
static const char *const default_console_acl[] = {"127.0.0.1/8", "::1/128", NULL};

static struct netmask_set *
draft_acl_of(const char *const *masks)
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
draft_pools_of(const struct query *q)
{
  static const struct pool_table none;
  return q->lease->snapshot == NULL ? &none : q->lease->snapshot->pools;
}

void
draft_init(void)
{
  selector_pools = draft_pools_of;
  draft = (struct draft){.phase = PHASE_LOADING, .changed = true};
  settings_default(&draft.settings);
  draft.acl = draft_acl_of(default_acl);
  draft.proxy_acl = netmask_set_new();
  dynblock_draft_init(&draft.dynblocks);
  draft.console_acl = draft_acl_of(default_console_acl);
  address_parse(&draft.console_address, "127.0.0.1", 5199, &(struct fault)FAULT_INIT);
  pool_draft_get(&draft.pools, "");
}

void
draft_fini(void)
{
  object_unref(&draft.built);
  object_unref(&draft.acl);
  object_unref(&draft.proxy_acl);
  dynblock_draft_fini(&draft.dynblocks);
  object_unref(&draft.console_acl);
  for (unsigned i = 0; i < CHAIN_COUNT; i++)
    rule_list_clear(&draft.chains[i]);
  chains_reap();
  pool_draft_fini(&draft.pools);
  for (size_t i = 0; i < draft.listener_count; i++)
    object_unref(&draft.listeners[i]);
  free(draft.listeners);
  for (size_t i = 0; i < draft.capability_count; i++)
    free(draft.capabilities[i]);
  free(draft.capabilities);
  draft = (struct draft){0};
}

void
draft_observe(const struct observer *observer)
{
  for (size_t i = 0; i < draft.observer_count; i++)
    if (draft.observers[i] == observer)
      return;
  assert(draft.observer_count < OBSERVERS_MAX);
  draft.observers[draft.observer_count++] = observer;
  draft.changed = true;
}

static struct chain *
draft_chain_of(unsigned id, const struct snapshot *last)
{
  struct rule_list *list = &draft.chains[id];
  bool plain = !draft.settings.rule_index;
  if (last != NULL && !list->changed && list->plain == plain)
    return object_ref(last->chains[id]);
  list->changed = false;
  list->plain = plain;
  return chain_build(list);
}

struct snapshot *
draft_build(void)
{
  struct snapshot *last = draft.built;
  struct snapshot *next = memory_new(sizeof *next);
  object_init(&next->object, &snapshot_class);
  next->generation = last == NULL ? 1 : last->generation + 1;
  next->settings = draft.settings;
  netmask_set_build(draft.acl);
  netmask_set_build(draft.proxy_acl);
  next->acl = object_ref(draft.acl);
  next->proxy_acl = object_ref(draft.proxy_acl);
  for (unsigned i = 0; i < CHAIN_COUNT; i++)
    next->chains[i] = draft_chain_of(i, last);
  if (last != NULL && !draft.pools.changed) {
    next->pools = object_ref(last->pools);
    next->backends = object_ref(last->backends);
  } else {
    draft.pools.changed = false;
    next->pools = pool_table_build(&draft.pools, &draft.settings);
    next->backends = backend_list_build(&draft.pools);
    health_watch(next->backends);
  }
  health_log_failures(next->settings.verbose_health_checks);
  if (last != NULL && !draft.dynblocks.changed)
    next->dynblocks = object_ref(last->dynblocks);
  else
    next->dynblocks = dynblock_set_build(&draft.dynblocks);
  draft.dynblocks.changed = false;
  next->observers = observers_build(draft.observers, draft.observer_count, last == NULL ? NULL : last->observers);
  draft.changed = false;
  object_unref(&draft.built);
  draft.built = object_ref(next);
  draft.undelivered = true;
  return next;
}

enum { BLOCKS_PER_EDIT = 1024 }; // that are freed at once while somebody waits

void
draft_publish(void)
{
  snapshot_deliver(draft_build());
  draft.undelivered = false;
  if (worker_current() == NULL) {
    chains_reap();
    dynblock_reap(BLOCKS_PER_EDIT);
  }
}

void
draft_withdraw(void)
{
  object_unref(&draft.built);
  snapshot_deliver(NULL);
}
