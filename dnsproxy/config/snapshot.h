// SPDX-License-Identifier: BSD-2-Clause
// The configuration that queries walk under: an immutable, counted snapshot, swapped whole.
//
// Built by configuration_publish() (Lua lock held), put into each worker's mailbox, taken between receive and first room.
// A lease counts the queries of one worker that began under a snapshot: a query ends under the one it began with.
#ifndef DNSPROXY_CONFIG_SNAPSHOT_H
#define DNSPROXY_CONFIG_SNAPSHOT_H

#include "dnsproxy/base/netmask.h"
#include "dnsproxy/guard/dynblock.h"
#include "dnsproxy/backends/pool.h"
#include "dnsproxy/core/observer.h"
#include "dnsproxy/core/settings.h"
#include "dnsproxy/core/worker.h"
#include "rules/chain/chain.h"

struct configuration;
struct script;

struct snapshot {
  struct object object;
  struct configuration *configuration; // that it was built from: functions of its rules run there
  uint64_t generation;
  struct settings settings;
  struct netmask_set *acl, *proxy_acl;
  struct chain *chains[CHAIN_COUNT];
  struct pool_table *pools;
  struct backend_list *backends;
  struct dynblock_set *dynblocks;
  struct observers *observers; // core/observer.h
  struct script *query_filter; // setQueryCountFilter; NULL: every query counts
};

extern const struct object_class snapshot_class;

// The newest snapshot; a reference for the caller. Any thread.
struct snapshot *snapshot_current(void);
// Makes it current and puts it into every worker's mailbox; takes over the caller's reference. Never waits. Lua lock held.
void snapshot_deliver(struct snapshot *);
// Takes the mailbox: afterwards w->lease is of the newest snapshot. Worker thread; cheap when nothing is new.
void snapshot_take(struct worker *);
struct lease *lease_begin(struct worker *); // for one query; query_free() ends it
void leases_drop(struct worker *);          // the worker has stopped and has no query left

#endif
