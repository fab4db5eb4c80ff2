// SPDX-License-Identifier: BSD-2-Clause
// ffi.C: dynamic blocks, made and listed from any state.
//
//   dnsdist_ffi_dynamic_blocks_add(...)          an edit of the configuration, in effect as soon as it is published
//   dnsdist_ffi_dynamic_blocks_get_entries(...)  a list of what holds now, the script's to free
//
// Takes the Lua lock: blocks are part of the configuration (guard/dynblock's draft). So a function of a worker's own state
// waits here for whoever runs Lua in the shared one; made for maintenance and threads of scripts, not for every query. An
// address or name that cannot be read adds nothing and says false.
#include "lua/scripts/dnsproxy_ffi.h"

#include "dnsproxy/base/clock.h"
#include "dnsproxy/config/configuration.h"
#include "lua/binder/sense.h"
#include "lua/scripts/control_state.h"
#include "rules/act/action.h"

#include <stdlib.h>
#include <string.h>

struct dnsdist_ffi_dynamic_blocks_list_t {
  size_t count, capacity;
  dnsdist_ffi_dynamic_block_entry_t *entries; // the texts are theirs
  bool suffixes;                              // which are wanted
  bool failed;                                // no memory
};

// True: the block is there as it was asked for. A longer one that was there already is kept.
static bool
ffi_dynblocks_insert(struct dynblock_spec *spec, uint8_t action)
{
  if (spec->reason == NULL || action > DNS_ACTION_SET_TAG)
    return false;
  if (action == DNS_ACTION_SET_TAG && (spec->tag_name == NULL || *spec->tag_name == '\0'))
    return false;
  sense_good("dnsdist_ffi_dynamic_blocks_add", "duration", (int64_t)spec->seconds, 1, UINT32_MAX, "the block is over at once");
  spec->action = action == DNS_ACTION_NONE ? DYNBLOCK_NO_ACTION : action;
  control_lock();
  enum dynblock_outcome outcome = dynblock_insert(&config()->dynblocks, spec, clock_mono_us());
  control_unlock();
  if (outcome == DYNBLOCK_NEW)
    dynblock_log(spec);
  return outcome != DYNBLOCK_KEPT;
}

bool
dnsdist_ffi_dynamic_blocks_add(const char *address, const char *message, uint8_t action, unsigned int duration, uint8_t mask,
                               uint8_t port_mask, const char *tag_key, const char *tag_value)
{
  struct address client;
  if (address == NULL || !address_parse(&client, address, 0, NULL))
    return false;
  sense_good("dnsdist_ffi_dynamic_blocks_add", "mask", mask, 0, address_is_v6(&client) ? 128 : 32, "all bits of the address count");
  sense_good("dnsdist_ffi_dynamic_blocks_add", "port_mask", port_mask, 0, 16, "all bits of the port count");
  return ffi_dynblocks_insert(&(struct dynblock_spec){.key = dynblock_key_address(&client, mask, port_mask),
                                        .seconds = duration,
                                        .reason = message,
                                        .tag_name = tag_key,
                                        .tag_value = tag_value},
                action);
}

bool
dnsdist_ffi_dynamic_blocks_smt_add(const char *suffix, const char *message, uint8_t action, unsigned int duration,
                                   const char *tag_key, const char *tag_value)
{
  struct name name;
  struct fault fault = FAULT_INIT;
  if (suffix == NULL || !name_from_text(&name, suffix, strlen(suffix), &fault) || name.size <= 1)
    return false;
  return ffi_dynblocks_insert(&(struct dynblock_spec){.key = dynblock_key_suffix(&name),
                                        .seconds = duration,
                                        .reason = message,
                                        .tag_name = tag_key,
                                        .tag_value = tag_value},
                action);
}

// ---- lists: what holds when they are asked for ----

static char *
ffi_dynblocks_key_text(const struct dynblock *b)
{
  struct text text;
  text_init(&text);
  dynblock_key_text(&b->key, &text);
  char *key = strdup(text.data);
  text_fini(&text);
  return key;
}

static void
ffi_dynblocks_add_entry(struct dynblock *b, void *arg)
{
  dnsdist_ffi_dynamic_blocks_list_t *list = arg;
  if (b->key.is_suffix != list->suffixes || list->failed)
    return;
  if (list->count == list->capacity) {
    size_t capacity = list->capacity == 0 ? 16 : 2 * list->capacity;
    void *more = realloc(list->entries, capacity * sizeof *list->entries);
    if (more == NULL) {
      list->failed = true;
      return;
    }
    list->entries = more;
    list->capacity = capacity;
  }
  uint64_t now_us = clock_mono_us();
  int action = b->action == DYNBLOCK_NO_ACTION ? config()->dynblocks.default_action : b->action;
  dnsdist_ffi_dynamic_block_entry_t *e = &list->entries[list->count++];
  *e = (dnsdist_ffi_dynamic_block_entry_t){
      .key = ffi_dynblocks_key_text(b), .reason = strdup(b->reason), .action = (uint8_t)action, .warning = b->warning};
  e->blockedQueries = atomic_load_explicit(&b->hits->count, memory_order_relaxed);
  e->remainingTime = b->until_us > now_us ? (b->until_us - now_us) / 1000000 : 0;
  list->failed = e->key == NULL || e->reason == NULL;
}

// An empty list is none.
static size_t
ffi_dynblocks_list_new(bool suffixes, dnsdist_ffi_dynamic_blocks_list_t **out)
{
  if (out == NULL)
    return 0;
  *out = NULL;
  dnsdist_ffi_dynamic_blocks_list_t *list = calloc(1, sizeof *list);
  if (list == NULL)
    return 0;
  list->suffixes = suffixes;
  control_lock();
  dynblock_each(&config()->dynblocks, clock_mono_us(), ffi_dynblocks_add_entry, list);
  control_unlock();
  if (list->count == 0 || list->failed) {
    dnsdist_ffi_dynamic_blocks_list_free(list);
    return 0;
  }
  *out = list;
  return list->count;
}

size_t
dnsdist_ffi_dynamic_blocks_get_entries(dnsdist_ffi_dynamic_blocks_list_t **out)
{
  return ffi_dynblocks_list_new(false, out);
}

size_t
dnsdist_ffi_dynamic_blocks_smt_get_entries(dnsdist_ffi_dynamic_blocks_list_t **out)
{
  return ffi_dynblocks_list_new(true, out);
}

const dnsdist_ffi_dynamic_block_entry_t *
dnsdist_ffi_dynamic_blocks_list_get(const dnsdist_ffi_dynamic_blocks_list_t *list, size_t idx)
{
  return list == NULL || idx >= list->count ? NULL : &list->entries[idx];
}

void
dnsdist_ffi_dynamic_blocks_list_free(dnsdist_ffi_dynamic_blocks_list_t *list)
{
  for (size_t i = 0; list != NULL && i < list->count; i++) {
    free(list->entries[i].key);
    free(list->entries[i].reason);
  }
  if (list != NULL)
    free(list->entries);
  free(list);
}
