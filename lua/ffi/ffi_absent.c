// SPDX-License-Identifier: BSD-2-Clause
// ffi.C: what belongs to parts that this version does not have (SNMP, protobuf export, HTTP). Accepted, without effect.
#include "lua/scripts/ffi_frame.h"

void
dnsdist_ffi_dnsquestion_send_trap(dnsdist_ffi_dnsquestion_t *dq, const char *reason, size_t size)
{
  (void)dq, (void)reason, (void)size;
}

void
dnsdist_ffi_dnsquestion_set_http_response(dnsdist_ffi_dnsquestion_t *dq, uint16_t status, const char *body, size_t size,
                                          const char *type)
{
  (void)dq, (void)status, (void)body, (void)size, (void)type;
}

#define META(kind)                                                                                                     \
  void dnsdist_ffi_##kind##_meta_begin_key(dnsdist_ffi_##kind##_t *d, const char *key, size_t size)                    \
  {                                                                                                                    \
    (void)d, (void)key, (void)size;                                                                                    \
  }                                                                                                                    \
  void dnsdist_ffi_##kind##_meta_add_str_value_to_key(dnsdist_ffi_##kind##_t *d, const char *value, size_t size)       \
  {                                                                                                                    \
    (void)d, (void)value, (void)size;                                                                                  \
  }                                                                                                                    \
  void dnsdist_ffi_##kind##_meta_add_int64_value_to_key(dnsdist_ffi_##kind##_t *d, int64_t value)                      \
  {                                                                                                                    \
    (void)d, (void)value;                                                                                              \
  }                                                                                                                    \
  void dnsdist_ffi_##kind##_meta_end_key(dnsdist_ffi_##kind##_t *d)                                                    \
  {                                                                                                                    \
    (void)d;                                                                                                           \
  }
META(dnsquestion)
META(dnsresponse)
