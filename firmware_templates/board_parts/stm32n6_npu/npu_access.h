/* The NPU, its cache, and who may access what. */
#ifndef NPU_ACCESS_H
#define NPU_ACCESS_H

#include <stdbool.h>

/* Clocks the NPU and its cache, and lets it at the memories as the CPU may. The memories are on. */
void npu_access_init(void);

/* Whether the NPU's registers answer, and whether illegal accesses are watched. */
bool npu_access_is_on(void);
bool npu_access_is_watched(void);

#endif
