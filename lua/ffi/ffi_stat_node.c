// SPDX-License-Identifier: BSD-2-Clause
// ffi.C: the names that a visitor of dynamic blocks looks at. A node is only something during the visit.
#include "lua/scripts/ffi_frame.h"

#include "dnsproxy/guard/dynblock_group.h"

#include <string.h>

static const struct stat_node *
ffi_stat_node_of(const dnsdist_ffi_stat_node_t *n)
{
  return n == NULL ? NULL : n->node;
}

#define COUNTS(field, own, of_all)                                                                                          \
  uint64_t dnsdist_ffi_stat_node_get_##own(const dnsdist_ffi_stat_node_t *n)                                                \
  {                                                                                                                         \
    return ffi_stat_node_of(n) == NULL ? 0 : n->node->self.field * n->weight;                                               \
  }                                                                                                                         \
  uint64_t dnsdist_ffi_stat_node_get_children_##of_all(const dnsdist_ffi_stat_node_t *n)                                    \
  {                                                                                                                         \
    return ffi_stat_node_of(n) == NULL ? 0 : n->node->all.field * n->weight;                                                \
  }
COUNTS(queries, queries_count, queries_count)
COUNTS(noerrors, noerrors_count, noerrors_count)
COUNTS(nxdomains, nxdomains_count, nxdomains_count)
COUNTS(servfails, servfails_count, servfails_count)
COUNTS(drops, drops_count, drops_count)
COUNTS(bytes, bytes, bytes_count)
COUNTS(hits, hits, hits)

unsigned int
dnsdist_ffi_stat_node_get_labels_count(const dnsdist_ffi_stat_node_t *n)
{
  return ffi_stat_node_of(n) == NULL ? 0 : n->node->labels;
}

unsigned int
dnsdist_ffi_stat_node_get_children_count(const dnsdist_ffi_stat_node_t *n)
{
  return ffi_stat_node_of(n) == NULL ? 0 : n->node->children;
}

// As text, for all its name: what StatNode.fullname has.
void
dnsdist_ffi_stat_node_get_full_name_raw(const dnsdist_ffi_stat_node_t *n, const char **name, size_t *size)
{
  bool there = ffi_stat_node_of(n) != NULL;
  if (name != NULL)
    *name = there ? n->full_name : NULL;
  if (size != NULL)
    *size = there ? strlen(n->full_name) : 0;
}

void
dnsdist_ffi_state_node_set_reason(dnsdist_ffi_stat_node_t *n, const char *reason, size_t size)
{
  if (ffi_stat_node_of(n) == NULL || reason == NULL || size > UINT16_MAX)
    return;
  char *room = ffi_list_room(&n->reason_bytes, size + 1);
  if (room == NULL)
    return;
  memcpy(room, reason, size);
  room[size] = '\0';
  n->reason = room;
}

void
dnsdist_ffi_state_node_set_action(dnsdist_ffi_stat_node_t *n, int action)
{
  if (ffi_stat_node_of(n) != NULL && action >= 0 && action <= DNS_ACTION_SET_TAG)
    n->action = action;
}
