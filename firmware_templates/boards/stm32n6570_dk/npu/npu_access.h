/* The way between CPU and NPU: who may access what, and what the CPU's data cache has to do with
 * it. */
#ifndef NPU_ACCESS_H
#define NPU_ACCESS_H

#include <stdint.h>

/* Clocks the NPU and its cache, and lets it at the memories as the CPU may. The memories are on. */
void npu_access_init(void);

/* Before the NPU uses memory: writes what the CPU wrote there and forgets it, so that nothing is
 * written later over what the NPU wrote. */
void npu_hand_over(const void *data, uint32_t bytes);

/* Before the CPU reads what the NPU wrote: forgets what it may have read early. */
void npu_take_back(void *data, uint32_t bytes);

#endif
