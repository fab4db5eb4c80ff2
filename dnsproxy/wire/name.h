// SPDX-License-Identifier: BSD-2-Clause
// Domain names in wire form (RFC 1035 3.1), casing kept, comparison without it (RFC 4343).
//
//   www.Example.  ->  3 w w w 7 E x a m p l e 0        size 13
//
// A name is a value of at most 255 bytes, copied freely. Lengths of labels (0 to 63) are below 'A', so whole names can be
// lower-cased, compared and hashed blindly, eight or sixteen bytes at a time (wire/words.h): what runs for every query is a
// few instructions. The suffixes of a name are hashed in one pass from the right, each from the hash of the one before.
//
// Hashes take a seed. Tables that strangers fill draw one of their own; the seed is in both factors of every product, so that
// who does not know it cannot aim.
//
// Functions on raw bytes take names known to be well formed and uncompressed. Any thread.
#ifndef DNSPROXY_WIRE_NAME_H
#define DNSPROXY_WIRE_NAME_H

#include "dnsproxy/base/fault.h"
#include "dnsproxy/base/text.h"

#include <stddef.h>
#include <stdint.h>

enum { NAME_MAX_SIZE = 255, NAME_MAX_LABELS = 128, NAME_TEXT_SIZE = 1024 }; // text: 255 bytes, each at most \ddd

struct name {
  uint8_t size; // wire bytes, root label included: 1 for the root; 0 for an unset name
  uint8_t bytes[NAME_MAX_SIZE];
};

// "" and "." are the root; \. and \ddd escapes; a final dot is optional; an empty or long label or name is an error with
// the dialect's texts (errors.md section 2: "Found . in wrong position in DNSName: a\.\.b", ...), kind FAULT_CAUGHT.
bool name_from_text(struct name *, const char *text, size_t count, struct fault *);
bool name_from_wire(struct name *, const uint8_t *bytes, size_t count); // uncompressed, exactly the first name of bytes
// With final dot, "." for the root; bytes outside printable ASCII, '.', '\\' inside labels escaped. Returns out (NAME_TEXT_SIZE).
char *name_text(const struct name *, char *out);
char *name_bytes_text(const uint8_t *bytes, char *out); // the same for raw bytes
char *name_text_no_dot(const struct name *, char *out); // "" for the root

size_t name_bytes_size(const uint8_t *bytes);            // wire size of a well-formed name
unsigned name_bytes_labels(const uint8_t *bytes);        // without the root label
// Case-insensitive.
bool name_bytes_equal(const uint8_t *a, size_t a_size, const uint8_t *b, size_t b_size);
bool name_equal(const struct name *, const struct name *);
bool name_bytes_is_part_of(const uint8_t *bytes, size_t size, const struct name *parent); // equal or below
int name_compare(const struct name *, const struct name *); // canonical order (RFC 4034 6.1)
// Hash of the lower-cased bytes; the same name in any casing hashes the same. Fast (8 bytes at a time).
uint64_t name_bytes_hash(const uint8_t *bytes, size_t size, uint64_t seed);
// A name's suffixes by number of labels, hashed label by label from the right: [0] is the root, whose hash is the seed.
struct name_suffixes {
  unsigned count; // labels of the longest
  uint8_t at[NAME_MAX_LABELS]; // where they begin
  uint64_t hash[NAME_MAX_LABELS];
};
void name_bytes_suffixes(const uint8_t *bytes, unsigned most_labels, uint64_t seed, struct name_suffixes *);
void name_bytes_lower(uint8_t *out, const uint8_t *bytes, size_t size); // ASCII letters only; out may be bytes
bool name_append(struct name *, const struct name *tail, struct fault *); // labels behind
bool name_chop(struct name *); // drops the leftmost label; false on the root

#endif
