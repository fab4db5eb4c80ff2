// SPDX-License-Identifier: BSD-2-Clause
// Plain settings as values: the fields of settings.def and the few whose setters take more than one argument.
//
//   settings.def: a row (type, member, default) --> struct settings, its defaults, and in lua/ the setter by the row
//
// A setting that is a number or a switch is a row, and nothing else is written for it. Part of what the configuration edits
// (Lua lock) and, immutable, of each snapshot; workers read them through their lease, so that a query sees the same values
// from its beginning to its end, and a setting can be changed while queries run.
//
// What is fixed once workers run says so itself, where it is set.
#ifndef DNSPROXY_CORE_SETTINGS_H
#define DNSPROXY_CORE_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

struct settings {
#define SETTING(field, type, param, setter, fallback, bounds, unit, runtime, help) type field;
#include "dnsproxy/core/settings.def"
#undef SETTING
  uint16_t self_answer_payload;         // setPayloadSizeOnSelfGeneratedAnswers, 512..1500
  int udp_recv_buffer, udp_send_buffer; // setUDPSocketBufferSizes, bytes; 0: the system's maximum is tried
};

void settings_default(struct settings *);

#endif
