/* The running kernel's build id, from the notes that it shows in /sys/kernel/notes. */
#pragma once

#include "bpf/abi.h"

#include <stddef.h>
#include <stdint.h>

/* How many bytes the id has; 0 when the kernel shows none. */
size_t kernel_build_id_read(uint8_t ret[ABI_BUILD_ID_MAX]);

/* Pure: the GNU build id among ELF notes. 0 when there is none. */
size_t kernel_build_id_parse(const void *notes, size_t bytes, uint8_t ret[ABI_BUILD_ID_MAX]);
