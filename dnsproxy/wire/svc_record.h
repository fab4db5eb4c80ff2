// SPDX-License-Identifier: BSD-2-Clause
// The data of an SVCB or HTTPS record (RFC 9460): made once from its parameters, then sent as it is.
//
//   priority, target, parameters in any order --> sorted by key, checked --> wire form: data, and the addresses of its hints
//
// Parameters must be in the order of their keys and none twice; some have a form of their own (lists of protocols, of keys,
// of addresses). All of that is looked at when the record is made, so that answering copies bytes. Hints are kept as
// addresses as well, because an answer may carry them as additional records.
//
// A counted object, immutable. Made by control, read by workers.
#ifndef DNSPROXY_WIRE_SVC_RECORD_H
#define DNSPROXY_WIRE_SVC_RECORD_H

#include "dnsproxy/base/address.h"
#include "dnsproxy/base/object.h"
#include "dnsproxy/base/param.h"
#include "dnsproxy/wire/name.h"

enum svc_key {
  SVC_MANDATORY, SVC_ALPN, SVC_NO_DEFAULT_ALPN, SVC_PORT, SVC_IPV4HINT, SVC_ECH, SVC_IPV6HINT
};

// A parameter in wire form. Bytes are copied.
struct svc_parameter {
  uint16_t key;
  struct bytes value;
};

struct svc_record {
  struct object object;
  struct name target;    // "." is the owner
  size_t size;
  uint8_t *data;         // priority, target, parameters in the order of their keys
  size_t hint_count;
  struct address *hints; // of both families
};

extern const struct object_class svc_record_class; // "SVCRecordParameters"

// Sorts `parameters`. NULL: fault says what is wrong (a key twice, too long, hints that are no addresses).
struct svc_record *svc_record_new(uint16_t priority, const struct name *target, struct svc_parameter *parameters,
                                  size_t count, struct fault *);
// "alpn", "key7": the number of a key. False: there is none of that name.
bool svc_key_parse(const char *text, uint16_t *key);

#endif
