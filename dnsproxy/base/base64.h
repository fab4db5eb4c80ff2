// SPDX-License-Identifier: BSD-2-Clause
// Base64 (RFC 4648 section 4), strict: no blanks, padding required, unused bits zero. Any thread.
#ifndef DNSPROXY_BASE_BASE64_H
#define DNSPROXY_BASE_BASE64_H

#include <stddef.h>
#include <sys/types.h>

// Characters that `size` bytes become, and the NUL.
#define BASE64_TEXT_SIZE(size) (((size) + 2) / 3 * 4 + 1)
// Most bytes that `size` characters become.
#define BASE64_BYTES(size) ((size) / 4 * 3)

// Writes the text and a NUL; `room` counts both. Returns the length without the NUL, or -1 if it does not fit.
ssize_t base64_encode(char *out, size_t room, const void *bytes, size_t size);
// Returns the number of bytes, or -1: not strict base64, or more than `room` bytes. `out` is then undefined.
ssize_t base64_decode(void *out, size_t room, const char *text, size_t size);

#endif
