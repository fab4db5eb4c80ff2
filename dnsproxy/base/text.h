// SPDX-License-Identifier: BSD-2-Clause
// A growing, always NUL-terminated piece of text, for tables, messages and console answers; and bytes as base64.
//
//   struct text t;
//   text_init(&t);
//   text_printf(&t, "%-10s %u\n", name, count);
//   fputs(t.data, stdout);
//   text_fini(&t);
//
// What is shown to people is put together here, by functions that take a struct text and append: tables of the console,
// rules as text, log lines. It may hold any bytes (size counts, the NUL is behind). It grows by doubling and never fails;
// whoever lets strangers fill it sees to a bound.
//
// Owner: whoever called text_init(). One thread at a time. Not for the path of packets.
#ifndef DNSPROXY_BASE_TEXT_H
#define DNSPROXY_BASE_TEXT_H

#include <stdarg.h>
#include <stddef.h>
#include <sys/types.h>

struct text {
  char *data; // never NULL after text_init(); data[size] is NUL
  size_t size;
  size_t capacity;
};

void text_init(struct text *);
void text_fini(struct text *);
void text_clear(struct text *);
void text_add(struct text *, const char *bytes, size_t count);
void text_puts(struct text *, const char *string);
void text_printf(struct text *, const char *format, ...) __attribute__((format(printf, 2, 3)));
void text_vprintf(struct text *, const char *format, va_list) __attribute__((format(printf, 2, 0)));
// Hands the bytes over to the caller (free() them) and leaves the text empty.
char *text_steal(struct text *);

// Base64 (RFC 4648 section 4), strict: no blanks, padding required, unused bits zero. Any thread.

// Characters that `size` bytes become, and the NUL.
#define BASE64_TEXT_SIZE(size) (((size) + 2) / 3 * 4 + 1)
// Most bytes that `size` characters become.
#define BASE64_BYTES(size) ((size) / 4 * 3)

// Writes the text and a NUL; `room` counts both. Returns the length without the NUL, or -1 if it does not fit.
ssize_t base64_encode(char *out, size_t room, const void *bytes, size_t size);
// Returns the number of bytes, or -1: not strict base64, or more than `room` bytes. `out` is then undefined.
ssize_t base64_decode(void *out, size_t room, const char *text, size_t size);

#endif
