#include "npu_buffers.h"

#include "mcu_cache.h"
#include "npu_cache.h"
#include "npu_config.h"

#include <stdbool.h>

/* The program's own zeroed memory. */
extern const uint8_t bss_start[];
extern const uint8_t bss_end[];

/* Where linker.ld collects the programs of the epoch controller: constants, and copies that the
 * network makes and patches. */
extern const uint8_t npu_blobs_start[];
extern const uint8_t npu_blobs_end[];
extern const uint8_t npu_blob_copies_start[];
extern const uint8_t npu_blob_copies_end[];

#define OR_IN(range_first, range_end) || (first < (range_end) && (range_first) < end)

/* Whether the NPU's cache may lie before it: it does where the compiler was told so, and the report
 * does not say it of memory that the application brings. */
static bool may_be_npu_cached(uintptr_t first, uintptr_t end) {
    return (first < (uintptr_t)bss_end && (uintptr_t)bss_start < end) NPU_CACHED(OR_IN);
}

void npu_hand_over(const void *data, uint32_t bytes) {
    const uintptr_t first = (uintptr_t)data;
    mcu_cache_clean_invalidate_range((uint32_t)first, (uint32_t)(first + bytes));
}

void npu_take_back(void *data, uint32_t bytes) {
    const uintptr_t first = (uintptr_t)data;
    if (may_be_npu_cached(first, first + bytes)) {
        npu_cache_clean_invalidate_range((uint32_t)first, (uint32_t)(first + bytes));
    }
    mcu_cache_invalidate_range((uint32_t)first, (uint32_t)(first + bytes));
}

static void hand_over_range(const uint8_t *first, const uint8_t *end) {
    if (first != end) {
        npu_hand_over(first, (uint32_t)(end - first));
    }
}

void npu_hand_over_blobs(void) {
    hand_over_range(npu_blobs_start, npu_blobs_end);
    hand_over_range(npu_blob_copies_start, npu_blob_copies_end);
}
