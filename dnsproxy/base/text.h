// SPDX-License-Identifier: BSD-2-Clause
// A growing, always NUL-terminated piece of text, for tables, messages and console answers.
//
// Owner: whoever called text_init(). One thread at a time.
#ifndef DNSPROXY_BASE_TEXT_H
#define DNSPROXY_BASE_TEXT_H

#include <stdarg.h>
#include <stddef.h>

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

#endif
