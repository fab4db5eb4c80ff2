// SPDX-License-Identifier: BSD-2-Clause
// Arbitrary text as a record: an error with a sentence, or data that fits.
#include "dnsproxy/wire/presentation.h"
#include "fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  struct fault fault = FAULT_INIT;
  struct presented_record record = {.rdata = malloc(PRESENTATION_RDATA_SIZE)};
  char *line = malloc(size + 1);
  memcpy(line, data, size);
  line[size] = '\0';
  if (record_from_text(&record, line, &fault))
    assert(record.owner.size > 0);
  else
    assert(fault.text[0] != '\0');
  free(line);
  free(record.rdata);
  return 0;
}
