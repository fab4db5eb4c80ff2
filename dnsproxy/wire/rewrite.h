// SPDX-License-Identifier: BSD-2-Clause
// Changing DNS messages in place: TTLs, truncation, EDNS, names.
//
//   bytes come off or are overwritten     TTLs, cut records, an OPT at the end     done in place
//   bytes move, pointers may lead there   a new name, a type removed, an OPT       written anew: names
//                                         in the middle                            compressed again, RDATA known by type
//
// Works on a buffer that the caller owns: *size is its message's size, capacity what the buffer holds. Functions that return
// bool leave the message as it was when they return false: it does not fit, or cannot be read. Never pass on what could not
// be rewritten: what was to come off is still in it. Trailing data goes when the message changes. Any thread; functions on
// EDNS take 64 kB of stack.
#ifndef DNSPROXY_WIRE_REWRITE_H
#define DNSPROXY_WIRE_REWRITE_H

#include "dnsproxy/wire/message.h"

struct wire_buffer {
  uint8_t *data;
  size_t size, capacity;
};

// Offsets of the TTLs of all records but OPT, and the smallest TTL; for the cache, once at insert.
struct ttl_list {
  uint16_t *offsets;  // caller's array
  size_t count, capacity;
  uint32_t minimum;   // UINT32_MAX without records
  bool soa_in_authority;
  bool odd_opt;       // options in an OPT that is not the one there may be, of the root in the additional section
};
bool message_ttls(const uint8_t *message, size_t size, struct ttl_list *); // false: malformed or more TTLs than fit
// Calls edit for each record's TTL (OPT left out) and stores what it returns. False when malformed (edits up to there stay).
typedef uint32_t (*ttl_edit_fn)(unsigned section, uint16_t class, uint16_t type, uint32_t ttl, void *arg);
bool message_edit_ttls(struct wire_buffer *, ttl_edit_fn, void *arg);
bool message_limit_ttls(struct wire_buffer *, uint32_t min, uint32_t max); // max wins over a larger min

// Cuts all records, keeps the question; if `edns` has an OPT, an OPT with its payload size and DO is put back. Sets TC.
void message_truncate(struct wire_buffer *, size_t question_end, const struct edns *);
// Cuts everything behind the first question (behind the header if the message has none) and sets the three counts to zero.
void message_cut_records(struct wire_buffer *, size_t question_end);
// Appends an OPT record (no options unless options_size > 0) and counts it. extended_rcode: its upper 8 bits.
// The caller knows that there is none yet. Cuts trailing data, as all that follow here do when they change something.
bool message_add_opt(struct wire_buffer *, uint16_t payload, uint8_t extended_rcode, bool dnssec_ok, const uint8_t *options, size_t options_size);
bool message_remove_opt(struct wire_buffer *); // true if there is none
// Adds an option or replaces all of its code; adds an OPT with `payload` if there is none (*added_opt then set).
bool message_set_option(struct wire_buffer *, uint16_t code, const uint8_t *data, size_t size, uint16_t payload, bool *added_opt);
bool message_remove_option(struct wire_buffer *, uint16_t code); // all of its code; true if there is none
// Removes the options that `drop` says true of; true if there are none.
bool message_drop_options(struct wire_buffer *, bool (*drop)(uint16_t code, const void *arg), const void *arg);
// Adds an option if the message has an OPT, else false (EDE on answers). May appear several times.
bool message_append_option(struct wire_buffer *, uint16_t code, const uint8_t *data, size_t size);
// Replaces the question name, and owners equal to it; other names stay, written anew where they pointed into it.
bool message_rename(struct wire_buffer *, const struct name *to);
// Removes every record (OPT excluded) whose type is in `types`; compression in known types is preserved or expanded.
bool message_remove_types(struct wire_buffer *, const uint16_t *types, size_t count);

// Writing a message anew, record by record, when bytes move that compression pointers may lead to.
//
// Private to wire/. Names are compressed again (exact casing only) where RFC 1035 allows it, written in full elsewhere;
// RDATA of unknown types is copied (RFC 3597). Trailing data is left out. Any thread; 64 kB of stack.

// What is different in the new message. All zero: nothing but the compression.
struct rebuild {
  const struct name *rename; // new first question; owners equal to the old one follow
  const uint16_t *drop_types;
  size_t drop_count;
  bool drop_opt;              // every OPT
  const uint8_t *new_options; // of the first OPT, or NULL
  size_t new_options_size;
};

// False: malformed or does not fit; the message is then as it was.
bool rebuild_message(struct wire_buffer *, const struct rebuild *);

#endif
