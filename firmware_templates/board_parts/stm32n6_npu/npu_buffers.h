/* Memory that goes from the CPU to the NPU and back, past the caches of both.
 *
 * The CPU's data cache lies before all memories, the NPU's before those of NPU_CACHED, which is
 * what the compiler was told (npu_config.h), and maybe before memory that the application brings.
 * The NPU's cache knows no throwing away alone: what it holds of a range is written back first, so
 * it has to be emptied before the CPU writes there, not after. */
#ifndef NPU_BUFFERS_H
#define NPU_BUFFERS_H

#include <stdint.h>

/* Before the NPU uses memory: writes what the CPU wrote there and forgets it, so that nothing is
 * written later over what the NPU wrote. */
void npu_hand_over(const void *data, uint32_t bytes);

/* When the NPU is done with memory, before the CPU reads or writes it: empties the NPU's cache
 * where that may lie before it, and forgets what the CPU may have read early. */
void npu_take_back(void *data, uint32_t bytes);

/* Before the epoch controller runs: it reads its programs, which the CPU or the loader wrote, past
 * the CPU's cache. */
void npu_hand_over_blobs(void);

#endif
