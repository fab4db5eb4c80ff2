// SPDX-License-Identifier: BSD-2-Clause
// The one function of a fuzz target (libFuzzer's form): any bytes in, 0 out; a failed assert is a find.
#ifndef DNSPROXY_FUZZ_FUZZ_H
#define DNSPROXY_FUZZ_FUZZ_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
