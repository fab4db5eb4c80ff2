// SPDX-License-Identifier: BSD-2-Clause
// Pools: named groups of backends with a cache and a policy. The default pool has the name "".
//
//   newServer(), addToPool(), setPoolServerPolicy(), ... --> pool_draft --publish--> pool_table in the snapshot
//                                                            pool_entry             pool: array of backends, agreements
//
// The draft is what scripts edit, under the Lua lock, and each edit leaves a record by which a transaction that fails takes it
// back (base/undo.h). A pool as workers see it is immutable: backends by order, and what would otherwise be found out for each
// query: whether all want client subnet, whether all are reached over streams, and the sorted points of consistent hashing.
// Entries that did not change keep the pool of the last snapshot, so that publishing costs what was edited.
//
// What must outlive the swap of snapshots is counted and shared by them: backends, caches, and pool_state, whose turn lets
// roundrobin go on where it was. A backend that is removed from the draft is retired: policies skip it and its sockets close
// when nothing is in flight.
#ifndef DNSPROXY_BACKENDS_POOL_H
#define DNSPROXY_BACKENDS_POOL_H

#include "dnsproxy/backends/policy.h"

struct packet_cache;

struct pool_state {
  struct object object;
  _Atomic uint64_t turn; // roundrobin
};

struct pool {
  struct object object;
  char *name;
  struct policy *policy;       // never NULL: the pool's own or the default
  bool has_own_policy;
  struct packet_cache *cache;  // NULL: none
  struct pool_state *state;
  bool use_ecs, zero_scope;    // what the backends agree on, else what the script set
  bool consistent;             // all backends agree about ECS and streams, so the cache may be asked before one is chosen
  bool over_streams;           // to all backends
  bool plain;                  // consistent, and nobody wants ECS: as most are
  struct hash_point *points;   // needs_points: sorted; else NULL
  uint32_t point_count;
  uint32_t count;
  struct backend *backends[];  // by order, stable
};

struct pool_table {
  struct object object;
  struct policy *default_policy;
  uint32_t count;
  uint32_t slot_mask, *slots; // by hash of the name: index in pools + 1, 0 is free
  struct pool *pools[]; // in showPools order: newest first, the default pool last; one reference each
};
extern const struct object_class pool_class, pool_table_class;
const struct pool *pool_find(const struct pool_table *, const char *name); // NULL: unknown
bool pool_has_server_up(const struct pool *);
// Pieces of building: an empty pool or table, to be filled before anybody else sees it.
struct pool *pool_new(const char *name, uint32_t count);
struct pool_table *pool_table_new(uint32_t count);
void pool_table_index(struct pool_table *); // once all pools are in

// The editable form.
struct pool_draft;
struct pool_entry {
  struct pool_draft *draft; // the one it is in
  char *name;
  struct policy *policy; // NULL: default
  struct packet_cache *cache;
  struct pool_state *state;
  bool use_ecs, zero_scope;
  struct backend **backends;
  uint32_t count, capacity;
  struct pool *built; // as in the last snapshot, reused when not changed
  bool changed;
};
struct pool_draft {
  struct pool_entry **entries; // oldest first
  uint32_t count;
  struct policy *default_policy;
  bool policy_changed;
  struct backend **backends; // all, in showServers order
  uint32_t backend_count;
  bool changed;
};
struct pool_entry *pool_draft_get(struct pool_draft *, const char *name);  // created when missing
struct pool_entry *pool_draft_find(struct pool_draft *, const char *name); // NULL when missing
void pool_entry_touch(struct pool_entry *); // what is built of it is out of date
// It is about to be edited: remembered for the transaction, and touched. Adding, removing and setting say so themselves.
void pool_entry_edit(struct pool_entry *);
// These take references for themselves; NULL: none, the default.
void pool_entry_set_policy(struct pool_entry *, struct policy *);
void pool_entry_set_cache(struct pool_entry *, struct packet_cache *);
void pool_draft_set_default_policy(struct pool_draft *, struct policy *);
// Sorted by the order of now, stable; false: was in it already.
bool pool_entry_add(struct pool_entry *, struct backend *);
bool pool_entry_remove(struct pool_entry *, const struct backend *);
// What the backends say when all agree, about streams too (true: consistent), else what the script has set.
bool pool_entry_agree(const struct pool_entry *, bool *use_ecs, bool *zero_scope);
void pool_draft_add_backend(struct pool_draft *, struct backend *); // likewise sorted; takes a reference
bool pool_draft_remove_backend(struct pool_draft *, struct backend *); // from all pools too; marks it retired
// The backend has another weight (or id): pools with hash points that hold it are built anew.
void pool_draft_reweighed(struct pool_draft *, const struct backend *);
void pool_draft_fini(struct pool_draft *);
// What did not change is shared with the last table. Clears the `changed` marks of the entries.
struct pool_table *pool_table_build(struct pool_draft *, const struct settings *);
struct backend_list *backend_list_build(const struct pool_draft *);

#endif
