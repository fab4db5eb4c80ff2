// SPDX-License-Identifier: BSD-2-Clause
// What the handles of ffi.C point to: frames that live as long as their Lua state and name the query at hand while a
// call lasts. A handle that a script keeps never leads to memory that is gone.
//
// Owner: the state (lua/scripts/ffi_state.h). Thread: whoever has the state.
#ifndef LUA_SCRIPTS_FFI_FRAME_H
#define LUA_SCRIPTS_FFI_FRAME_H

#include "dnsproxy/core/query.h"
#include "lua/scripts/dnsproxy_ffi.h"
#include "rules/act/action.h"

#include <stdlib.h>

// Memory for one `out` list, grown and kept.
struct ffi_list {
  void *items;
  size_t capacity; // bytes
};

// A response is a question as well: one type, so that what takes a question takes a response.
struct dnsdist_ffi_dnsquestion_t {
  struct query *query; // NULL: no call is under way
  enum action_side side;
  bool suspends;       // the call is an action's: its query may be parked when it returns
  bool has_result;
  struct bytes result; // what set_result() said, in `result_bytes`
  struct ffi_list result_bytes, options, tags, headers, values, text;
  struct address masked; // what get_masked_remoteaddr() gave
  uint8_t header[HEADER_SIZE]; // what get_header() gives outside of a call
};
struct dnsdist_ffi_server_t {
  const struct backend *backend; // NULL: no call is under way
};
// Handles of servers are never moved or freed while the state lives: a longer pool gets a longer block.
struct ffi_servers {
  struct ffi_servers *previous;
  size_t capacity;
  struct dnsdist_ffi_server_t items[];
};
struct dnsdist_ffi_servers_list_t {
  const struct pool *pool; // NULL: no call is under way
  struct ffi_servers *servers;
  size_t count;
};

struct dnsdist_ffi_network_message_t {
  const char *payload; // NULL: no call is under way
  size_t size;
  uint16_t endpoint_id;
};

// What a visitor of dynamic blocks looks at and says.
struct dnsdist_ffi_stat_node_t {
  const struct stat_node *node; // NULL: no visit is under way
  uint32_t weight;              // every count is multiplied by it
  int action;                   // DNSAction; None: nothing said
  const char *reason;           // in reason_bytes; NULL: nothing said
  struct ffi_list reason_bytes;
  char full_name[NAME_TEXT_SIZE]; // "" for the root
};

static inline struct query *
ffi_query(const dnsdist_ffi_dnsquestion_t *dq)
{
  return dq == NULL ? NULL : dq->query;
}

// A name that scripts have as bytes: uncompressed, and nothing behind it.
static inline bool
ffi_name(struct name *out, const char *raw, size_t size)
{
  return raw != NULL && size > 0 && size <= NAME_MAX_SIZE && message_name((const uint8_t *)raw, size, 0, out) == size;
}

// NULL: no memory.
static inline void *
ffi_list_room(struct ffi_list *list, size_t bytes)
{
  if (bytes > list->capacity) {
    void *more = realloc(list->items, bytes);
    if (more == NULL)
      return NULL;
    list->items = more;
    list->capacity = bytes;
  }
  return list->items;
}

#endif
