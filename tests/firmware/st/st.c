/* What the calls of st.h do: succeed; the network gives its first value, its opposite, the largest.
 * ST_BEHAVIOUR, 0 unless a test sets it: 1 never ends, 2 does not return from its second block,
 * 3 gives zeros after an access that a firewall refused, 4 stops with a failed assertion, 5 reads
 * where nothing is. */
#include "st.h"
#include "ll_aton_version.h"

#include <assert.h>
#include <string.h>

#ifndef ST_BEHAVIOUR
#define ST_BEHAVIOUR 0
#endif

uint32_t SystemCoreClock = 64000000u;
uint32_t st_scb[2];
RAMCFG_TypeDef st_rams[5];
XSPI_TypeDef st_xspi[2];
IAC_TypeDef st_iac;
RISAF_TypeDef st_risaf[13];
static uint32_t blocks;

HAL_StatusTypeDef HAL_Init(void) {
    return HAL_InitTick(0u);
}

HAL_StatusTypeDef HAL_RCC_OscConfig(const RCC_OscInitTypeDef *oscillators) {
    const uint32_t begin = HAL_GetTick();
    while (HAL_GetTick() - begin < 2u) { /* as the real one waits for a PLL */
    }
    return oscillators->PLL1.PLLN == 25u ? HAL_OK : HAL_ERROR;
}

HAL_StatusTypeDef HAL_RCC_ClockConfig(const RCC_ClkInitTypeDef *clocks) {
    SystemCoreClock = 600000000u;
    return clocks->IC1Selection.ClockDivider == 1u ? HAL_OK : HAL_ERROR;
}

HAL_StatusTypeDef HAL_RCCEx_PeriphCLKConfig(const RCC_PeriphCLKInitTypeDef *clocks) {
    return clocks->PeriphClockSelection == 3u ? HAL_OK : HAL_ERROR;
}

HAL_StatusTypeDef HAL_RAMCFG_EnableAXISRAM(const RAMCFG_HandleTypeDef *ram) {
    ram->Instance->CR = 1u;
    return HAL_OK;
}

void HAL_RIF_RIMC_ConfigMasterAttributes(uint32_t master, const RIMC_MasterConfig_t *config) {
    (void)master;
    (void)config;
}

void HAL_RIF_RISC_SetSlaveSecureAttributes(uint32_t peripheral, uint32_t attributes) {
    (void)peripheral;
    (void)attributes;
}

void HAL_RIF_RISAF_ConfigBaseRegion(RISAF_TypeDef *firewall, uint32_t region,
                                    const RISAF_BaseRegionConfig_t *config) {
    firewall->opened = region + config->EndAddress;
}

int32_t BSP_XSPI_NOR_Init(uint32_t instance, BSP_XSPI_NOR_Init_t *init) {
    return (int32_t)instance + (init->InterfaceMode == BSP_XSPI_NOR_OPI_MODE ? 0 : 1);
}

int32_t BSP_XSPI_NOR_EnableMemoryMappedMode(uint32_t instance) {
    return (int32_t)instance;
}

int32_t BSP_XSPI_RAM_Init(uint32_t instance) {
    return (int32_t)instance;
}

int32_t BSP_XSPI_RAM_EnableMemoryMappedMode(uint32_t instance) {
    return (int32_t)instance;
}

void mcu_cache_clean_invalidate_range(uint32_t first, uint32_t end) {
    assert(first < end);
}

void mcu_cache_invalidate_range(uint32_t first, uint32_t end) {
    assert(first < end);
}

static bool npu_cache_is_on;

void npu_cache_enable(void) {
    npu_cache_is_on = true;
}

void npu_cache_invalidate(void) {
    assert(npu_cache_is_on);
}

void npu_cache_clean_invalidate_range(uint32_t first, uint32_t end) {
    assert(npu_cache_is_on && first < end);
}

void NPU0_IRQHandler(void);

void NPU0_IRQHandler(void) {
}

void LL_ATON_RT_RuntimeInit(void) {
}

void LL_ATON_RT_Init_Network(NN_Instance_TypeDef *instance) {
    assert(instance->network->ec_network_init());
    blocks = 0u;
}

void LL_ATON_RT_Reset_Network(NN_Instance_TypeDef *instance) {
    (void)instance;
    blocks = 0u;
}

void *LL_Buffer_addr_start(const LL_Buffer_InfoTypeDef *buffer) {
    unsigned char *base = buffer->addr_base.p;
    if (buffer->is_user_allocated != 0u) {
        memcpy(&base, buffer->addr_base.p, sizeof base);
    }
    return base == NULL ? NULL : base + buffer->offset_start;
}

uint32_t LL_Buffer_len(const LL_Buffer_InfoTypeDef *buffer) {
    return buffer->offset_end - buffer->offset_start;
}

static void compute(const int8_t *input, uint32_t values, int8_t *output) {
    int8_t largest = -128;
    for (uint32_t i = 0; i < values; ++i) {
        largest = input[i] > largest ? input[i] : largest;
    }
    output[0] = input[0];
    output[1] = (int8_t)(-1 - input[0]);
    output[2] = largest;
}

static void misbehave(int8_t *output) {
    if (ST_BEHAVIOUR == 2) {
        for (;;) {
        }
    }
    if (ST_BEHAVIOUR == 3) {
        memset(output, 0, 3);
        st_iac.ISR[4] = 1u << 22;
        st_risaf[12].IASR = RISAF_IASR_IAEF;
        st_risaf[12].IAR[0].IAESR = 1u;
        st_risaf[12].IAR[0].IADDR = 0x400000u;
    }
    assert(ST_BEHAVIOUR != 4);
    if (ST_BEHAVIOUR == 5) {
        (void)*(volatile uint32_t *)0x9F000000u;
    }
}

LL_ATON_RT_RetValues_t LL_ATON_RT_RunEpochBlock(NN_Instance_TypeDef *instance) {
    const LL_Buffer_InfoTypeDef *const input = instance->network->input_buffers_info();
    if (ST_BEHAVIOUR == 1) {
        return LL_ATON_RT_WFE;
    }
    if (blocks < 2u) {
        if (blocks == 1u && ST_BEHAVIOUR == 2) {
            misbehave(NULL);
        }
        ++blocks;
        return LL_ATON_RT_NO_WFE;
    }
    int8_t *const output = LL_Buffer_addr_start(instance->network->output_buffers_info());
    compute(LL_Buffer_addr_start(input), LL_Buffer_len(input), output);
    misbehave(output);
    return LL_ATON_RT_DONE;
}

stai_return_code stai_runtime_init(void) {
    return STAI_SUCCESS;
}
