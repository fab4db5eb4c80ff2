// SPDX-License-Identifier: BSD-2-Clause
// Typed parameters: one row declares what a function, selector, action or option takes.
//
//   static const struct param params[] = {{.name = "qps", .type = PARAM_INT, .help = "..."}, {.type = PARAM_END}};
//
//   script: MaxQPSRule(20) --binder: checks by the rows--> struct value[], in their order --> the function of the kind
//
// From the rows the Lua binder makes its checks and error texts, and --describe, help() and the manual make theirs, so that
// a parameter is written down once. A row says name, type, whether it may be left out and what is then taken, bounds, unit,
// and a sentence. What arrives is a struct value: `given` says that the caller wrote it, and the member that the type uses
// is set.
//
// This header is all that rules/ and others know of scripts: no Lua in it. Rows are const; values belong to the call they
// were read for (strings, lists and objects are borrowed, object_ref() what is kept).
#ifndef DNSPROXY_BASE_PARAM_H
#define DNSPROXY_BASE_PARAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct object_class;

enum param_type {
  PARAM_END, // closes an array of rows
  PARAM_BOOL,
  PARAM_INT,       // fractions are cut; numeric strings count (semantics.md 18)
  PARAM_FLOAT,
  PARAM_STRING,    // numbers count; may hold any bytes
  PARAM_STRINGS,   // one string or a list of them
  PARAM_INTS,      // one number or a list of them
  PARAM_STRING_MAP,// table of string (or number) -> string
  PARAM_QTYPE,     // number or mnemonic
  PARAM_INDEX,     // number or numeric string: a position; other text: a name or UUID (value.type tells which)
  PARAM_SELECTOR,  // a rule object and nothing else
  PARAM_SELECTORS, // list of rule objects
  PARAM_LOOSE_SELECTOR, // rule object, string, list, DNSName, netmask (semantics.md 18)
  PARAM_ACTION,
  PARAM_RESPONSE_ACTION,
  PARAM_OBJECT,    // handle of class `class`
  PARAM_OBJECTS,   // list of such handles
  PARAM_NETMASKS,  // NetmaskGroup, string or list: arrives as struct netmask_set *
  PARAM_SUFFIXES,  // SuffixMatchNode, DNSName, string or lists: arrives as struct suffix_set *
  PARAM_NAME,      // DNSName or string: arrives as struct name *
  PARAM_ADDRESS,   // ComboAddress or string: arrives as struct address *
  PARAM_NAME_OBJECT,    // a DNSName and nothing else: arrives as struct name *
  PARAM_ADDRESS_OBJECT, // a ComboAddress and nothing else: arrives as struct address *
  PARAM_FUNCTION,  // a Lua function: arrives as a counted struct script *
  PARAM_OPTIONS,   // table with the keys of `options`
  PARAM_ANY,       // whatever is on the Lua stack: only functions of lua/ take it
};

// Told always, where a number is out of its bounds of sense; what counts then (doc/HOUSE.md, "One declaration"):
enum param_outside {
  OUTSIDE_BY_PLACE,  // `safe` if there is one; else what was not written, for an option; else the nearest bound
  OUTSIDE_KEPT,      // what was written: `why` says what comes of it
  OUTSIDE_ZERO_KEPT, // the same for 0 alone
};

struct param {
  const char *name;
  enum param_type type;
  bool optional;
  const char *fallback; // default as text, parsed into the value when the argument is missing; NULL: value.given false, zero
  int64_t min, max;     // of the type: refused as in the dialect. Both 0: nothing is
  // Bounds of sense, within those of the type. Numbers outside mean nothing, or the opposite of what they say. Both 0:
  // every number has sense, or the function looks itself: `any` or `own` must say which, unless there is a `max`. most 0: max, or no limit.
  int64_t least, most;
  bool zero; // 0 has a meaning of its own although it is less than `least`
  bool any;  // every number has sense
  bool own;  // the function itself refuses what is out of range (positions)
  enum param_outside outside;
  bool pair;        // more than the next row's number has no sense: nothing is between them
  const char *safe; // number that counts in place of one without sense
  const char *why;  // what is wrong with such a number, or what it does: ends a sentence. With a `least` above 0: of those below it
  const char *unit;     // "s", "ms", "bytes", "q/s"... or NULL
  const char *help;
  const struct param *options; // PARAM_OPTIONS: rows of the table; PARAM_ANY: of the table it may be, for the manual
  const struct object_class *class; // PARAM_OBJECT(S)
};

// Bounds that many rows have. A negative number that stands for "no limit" is a huge one to the dialect, and to us.
#define PARAM_MODULO_16 .most = UINT16_MAX, .outside = OUTSIDE_KEPT, .why = "it is taken modulo 65536"
#define PARAM_MODULO_8 .most = UINT8_MAX, .outside = OUTSIDE_KEPT, .why = "it is taken modulo 256"
#define PARAM_NO_LIMIT_32 .most = UINT32_MAX, .safe = "4294967295"
#define PARAM_NO_LIMIT_64 .most = INT64_MAX, .safe = "9223372036854775807"
#define PARAM_RCODE .most = 15, .outside = OUTSIDE_KEPT, .why = "no answer has it"
#define PARAM_HTTP_STATUS .least = 100, .most = 599, .outside = OUTSIDE_KEPT, .why = "there is no such status"

static inline bool
param_has_sense(const struct param *p) // bounds are declared
{
  return p->least != 0 || p->most != 0;
}

static inline int64_t
param_most(const struct param *p)
{
  return p->most != 0 ? p->most : p->max != 0 ? p->max : INT64_MAX;
}

struct bytes {
  const char *data;
  size_t size;
};

// What arrives, in the order of the rows.
struct value {
  bool given;   // the caller wrote it (else it is the fallback)
  bool is_text; // PARAM_INDEX: `string` is set, not `integer`
  union {
    bool boolean;
    int64_t integer; // PARAM_INT, PARAM_QTYPE, PARAM_INDEX
    double number;
    struct bytes string; // NUL-terminated behind its size
    struct {
      size_t count;
      struct bytes *strings; // PARAM_STRINGS; PARAM_STRING_MAP: key, value, key, value...: count is 2 per pair
      int64_t *integers;     // PARAM_INTS
      void **objects;        // PARAM_OBJECTS, PARAM_SELECTORS
    } list;
    void *object; // borrowed for the call: object_ref() it to keep it
    const struct value *options; // one per row of param.options
    int stack;                   // PARAM_ANY: index on the Lua stack
  };
};

#endif
