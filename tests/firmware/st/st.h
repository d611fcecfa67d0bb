/* A stand-in for ST's sources as far as the firmware for the NPU calls them: HAL, board support and
 * runtime of the NPU in one header, every other header of theirs includes it. Written for the names
 * that this project uses; what a call would do to hardware, st.c does to variables. */
#ifndef ST_H
#define ST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* CMSIS */
typedef struct {
    volatile uint32_t CFSR, BFAR;
} SCB_Type;
#define SCB ((SCB_Type *)st_scb)
extern uint32_t st_scb[2];
extern uint32_t SystemCoreClock;
#define MODIFY_REG(reg, clear, set) ((reg) = ((reg) & ~(clear)) | (set))

/* HAL */
typedef enum { HAL_OK, HAL_ERROR, HAL_BUSY, HAL_TIMEOUT } HAL_StatusTypeDef;
HAL_StatusTypeDef HAL_Init(void);
HAL_StatusTypeDef HAL_InitTick(uint32_t priority);
uint32_t HAL_GetTick(void);

typedef struct {
    uint32_t PLLState, PLLSource, PLLM, PLLN, PLLP1, PLLP2;
} RCC_PLLInitTypeDef;
typedef struct {
    uint32_t OscillatorType, HSIState, HSIDiv, HSICalibrationValue;
    RCC_PLLInitTypeDef PLL1, PLL2, PLL3, PLL4;
} RCC_OscInitTypeDef;
typedef struct {
    uint32_t ClockSelection, ClockDivider;
} RCC_ICInitTypeDef;
typedef struct {
    uint32_t ClockType, CPUCLKSource, SYSCLKSource;
    RCC_ICInitTypeDef IC1Selection, IC2Selection, IC6Selection, IC11Selection;
    uint32_t AHBCLKDivider, APB1CLKDivider, APB2CLKDivider, APB4CLKDivider, APB5CLKDivider;
} RCC_ClkInitTypeDef;
enum { RCC_IC3, RCC_IC4, ST_ICS };
typedef struct {
    uint32_t PeriphClockSelection, Xspi1ClockSelection, Xspi2ClockSelection;
    RCC_ICInitTypeDef ICSelection[ST_ICS];
} RCC_PeriphCLKInitTypeDef;
enum {
    RCC_OSCILLATORTYPE_HSI = 1,
    RCC_HSI_ON = 1,
    RCC_HSI_DIV1 = 0,
    RCC_HSICALIBRATION_DEFAULT = 0,
    RCC_PLL_ON = 1,
    RCC_PLL_OFF = 2,
    RCC_PLLSOURCE_HSI = 0,
    RCC_CLOCKTYPE_CPUCLK = 1,
    RCC_CLOCKTYPE_SYSCLK = 2,
    RCC_CLOCKTYPE_HCLK = 4,
    RCC_CLOCKTYPE_PCLK1 = 8,
    RCC_CLOCKTYPE_PCLK2 = 16,
    RCC_CLOCKTYPE_PCLK4 = 32,
    RCC_CLOCKTYPE_PCLK5 = 64,
    RCC_CPUCLKSOURCE_IC1 = 3,
    RCC_ICCLKSOURCE_PLL1 = 0,
    RCC_ICCLKSOURCE_PLL2 = 1,
    RCC_SYSCLKSOURCE_IC2_IC6_IC11 = 3,
    RCC_HCLK_DIV4 = 2,
    RCC_APB1_DIV1 = 0,
    RCC_APB2_DIV1 = 0,
    RCC_APB4_DIV1 = 0,
    RCC_APB5_DIV1 = 0,
    RCC_PERIPHCLK_XSPI1 = 1,
    RCC_PERIPHCLK_XSPI2 = 2,
    RCC_XSPI1CLKSOURCE_IC4 = 1,
    RCC_XSPI2CLKSOURCE_IC3 = 1,
};
HAL_StatusTypeDef HAL_RCC_OscConfig(const RCC_OscInitTypeDef *oscillators);
HAL_StatusTypeDef HAL_RCC_ClockConfig(const RCC_ClkInitTypeDef *clocks);
HAL_StatusTypeDef HAL_RCCEx_PeriphCLKConfig(const RCC_PeriphCLKInitTypeDef *clocks);
#define __HAL_RCC_AXISRAM2_MEM_CLK_ENABLE() ((void)0)
#define __HAL_RCC_AXISRAM3_MEM_CLK_ENABLE() ((void)0)
#define __HAL_RCC_AXISRAM4_MEM_CLK_ENABLE() ((void)0)
#define __HAL_RCC_AXISRAM5_MEM_CLK_ENABLE() ((void)0)
#define __HAL_RCC_AXISRAM6_MEM_CLK_ENABLE() ((void)0)
#define __HAL_RCC_CACHEAXIRAM_MEM_CLK_ENABLE() ((void)0)
#define __HAL_RCC_RAMCFG_CLK_ENABLE() ((void)0)
#define __HAL_RCC_RIFSC_CLK_ENABLE() ((void)0)
#define __HAL_RCC_RISAF_CLK_ENABLE() ((void)0)
#define __HAL_RCC_IAC_CLK_ENABLE() ((void)0)
#define __HAL_RCC_IAC_FORCE_RESET() ((void)0)
#define __HAL_RCC_IAC_RELEASE_RESET() ((void)0)
#define __HAL_RCC_CACHEAXI_CLK_ENABLE() ((void)0)
#define __HAL_RCC_CACHEAXI_FORCE_RESET() ((void)0)
#define __HAL_RCC_CACHEAXI_RELEASE_RESET() ((void)0)
#define __HAL_RCC_NPU_CLK_ENABLE() ((void)0)
#define __HAL_RCC_NPU_FORCE_RESET() ((void)0)
#define __HAL_RCC_NPU_RELEASE_RESET() ((void)0)

typedef struct {
    uint32_t CR;
} RAMCFG_TypeDef, XSPI_TypeDef;
typedef struct {
    RAMCFG_TypeDef *Instance;
} RAMCFG_HandleTypeDef;
extern RAMCFG_TypeDef st_rams[5];
#define RAMCFG_SRAM2_AXI (&st_rams[0])
#define RAMCFG_SRAM3_AXI (&st_rams[1])
#define RAMCFG_SRAM4_AXI (&st_rams[2])
#define RAMCFG_SRAM5_AXI (&st_rams[3])
#define RAMCFG_SRAM6_AXI (&st_rams[4])
HAL_StatusTypeDef HAL_RAMCFG_EnableAXISRAM(const RAMCFG_HandleTypeDef *ram);
extern XSPI_TypeDef st_xspi[2];
#define XSPI1 (&st_xspi[0])
#define XSPI2 (&st_xspi[1])
#define XSPI_CR_NOPREF (1u << 25)
#define HAL_XSPI_AUTOMATIC_PREFETCH_DISABLE XSPI_CR_NOPREF

typedef struct {
    volatile uint32_t IER[5], ISR[5];
} IAC_TypeDef;
typedef struct {
    volatile uint32_t IAESR, IADDR;
} RISAF_Illegal_TypeDef;
typedef struct {
    volatile uint32_t IASR;
    RISAF_Illegal_TypeDef IAR[1];
    volatile uint32_t opened;
} RISAF_TypeDef;
extern IAC_TypeDef st_iac;
extern RISAF_TypeDef st_risaf[13];
#define IAC (&st_iac)
#define RISAF2 (&st_risaf[2])
#define RISAF3 (&st_risaf[3])
#define RISAF4 (&st_risaf[4])
#define RISAF5 (&st_risaf[5])
#define RISAF6 (&st_risaf[6])
#define RISAF11 (&st_risaf[11])
#define RISAF12 (&st_risaf[12])
#define RISAF4_LIMIT_ADDRESS_SPACE_SIZE UINT32_MAX
#define RISAF5_LIMIT_ADDRESS_SPACE_SIZE UINT32_MAX
#define RISAF6_LIMIT_ADDRESS_SPACE_SIZE UINT32_MAX
#define RISAF11_LIMIT_ADDRESS_SPACE_SIZE 0x0FFFFFFFu
#define RISAF12_LIMIT_ADDRESS_SPACE_SIZE 0x0FFFFFFFu
#define RISAF_IASR_IAEF (1u << 1)
#define RISAF_IAESR_IACID 7u
#define RISAF_IAESR_IANRW (1u << 7)
#define RISAF_FILTER_ENABLE 1u
#define RIF_CID_1 2u
#define RIF_CID_NONE 0u
#define RIF_CID_MASK 0xFFu
#define RIF_ATTRIBUTE_SEC 1u
#define RIF_ATTRIBUTE_PRIV 2u
#define RIF_MASTER_INDEX_NPU 1u
#define RIF_RISC_PERIPH_INDEX_NPU 106u
typedef struct {
    uint32_t MasterCID, SecPriv;
} RIMC_MasterConfig_t;
typedef struct {
    uint32_t Filtering, Secure, PrivWhitelist, ReadWhitelist, WriteWhitelist, StartAddress,
        EndAddress;
} RISAF_BaseRegionConfig_t;
void HAL_RIF_RIMC_ConfigMasterAttributes(uint32_t master, const RIMC_MasterConfig_t *config);
void HAL_RIF_RISC_SetSlaveSecureAttributes(uint32_t peripheral, uint32_t attributes);
void HAL_RIF_RISAF_ConfigBaseRegion(RISAF_TypeDef *firewall, uint32_t region,
                                    const RISAF_BaseRegionConfig_t *config);

/* Board support */
typedef struct {
    uint32_t InterfaceMode, TransferRate;
} BSP_XSPI_NOR_Init_t;
enum { BSP_ERROR_NONE, BSP_XSPI_NOR_OPI_MODE, BSP_XSPI_NOR_DTR_TRANSFER };
int32_t BSP_XSPI_NOR_Init(uint32_t instance, BSP_XSPI_NOR_Init_t *init);
int32_t BSP_XSPI_NOR_EnableMemoryMappedMode(uint32_t instance);
int32_t BSP_XSPI_RAM_Init(uint32_t instance);
int32_t BSP_XSPI_RAM_EnableMemoryMappedMode(uint32_t instance);

/* Caches */
void mcu_cache_clean_invalidate_range(uint32_t first, uint32_t end);
void mcu_cache_invalidate_range(uint32_t first, uint32_t end);
void npu_cache_enable(void);
void npu_cache_invalidate(void);
void npu_cache_clean_invalidate_range(uint32_t first, uint32_t end);

/* Runtime of the NPU */
#define ATON_INTCTRL_INTREG_GET(unit) (0x11u + (unit))
#define ATON_EPOCHCTRL_IRQ_GET(unit) (0x22u + (unit))
#define ATON_EPOCHCTRL_BC_GET(unit) (0x33u + (unit))
typedef enum { LL_ATON_User_IO_NOERROR, LL_ATON_User_IO_WRONG_INDEX } LL_ATON_User_IO_Result_t;
typedef enum { LL_ATON_RT_NO_WFE, LL_ATON_RT_WFE, LL_ATON_RT_DONE } LL_ATON_RT_RetValues_t;
enum { EpochBlock_Flags_last_eb = 1 };
enum { CHPos_UNDEFINED, CHPos_First, CHPos_Last, DataType_INT8, DataType_UINT8, DataType_FLOAT };
typedef struct {
    uint32_t flags;
} EpochBlock_ItemTypeDef;
typedef struct {
    const char *name;
    struct {
        unsigned char *p;
    } addr_base;
    uint32_t offset_start, offset_end, offset_limit;
    uint8_t is_user_allocated, is_param;
    const uint32_t *mem_shape;
    uint32_t mem_ndims, chpos, type, nbits, per_channel;
    const float *scale;
    const int16_t *offset;
} LL_Buffer_InfoTypeDef;
typedef struct {
    bool enable;
} LL_Streng_EncryptionTypedef;
typedef struct {
    bool (*ec_network_init)(void);
    bool (*ec_inference_init)(void);
    LL_ATON_User_IO_Result_t (*output_setter)(uint32_t number, void *buffer, uint32_t bytes);
    void *(*output_getter)(uint32_t number);
    const LL_Buffer_InfoTypeDef *(*input_buffers_info)(void);
    const LL_Buffer_InfoTypeDef *(*output_buffers_info)(void);
} NN_Interface_TypeDef;
typedef struct {
    const NN_Interface_TypeDef *network;
} NN_Instance_TypeDef;
#define LL_ATON_DECLARE_NAMED_NN_INSTANCE_AND_INTERFACE(name)                                      \
    bool LL_ATON_EC_Network_Init_##name(void);                                                     \
    bool LL_ATON_EC_Inference_Init_##name(void);                                                   \
    LL_ATON_User_IO_Result_t LL_ATON_Set_User_Output_Buffer_##name(uint32_t, void *, uint32_t);    \
    void *LL_ATON_Get_User_Output_Buffer_##name(uint32_t);                                         \
    const LL_Buffer_InfoTypeDef *LL_ATON_Input_Buffers_Info_##name(void);                          \
    const LL_Buffer_InfoTypeDef *LL_ATON_Output_Buffers_Info_##name(void);                         \
    static const NN_Interface_TypeDef NN_Interface_##name = {                                      \
        LL_ATON_EC_Network_Init_##name,        LL_ATON_EC_Inference_Init_##name,                   \
        LL_ATON_Set_User_Output_Buffer_##name, LL_ATON_Get_User_Output_Buffer_##name,              \
        LL_ATON_Input_Buffers_Info_##name,     LL_ATON_Output_Buffers_Info_##name,                 \
    };                                                                                             \
    static NN_Instance_TypeDef NN_Instance_##name = {&NN_Interface_##name};
void LL_ATON_RT_RuntimeInit(void);
void LL_ATON_RT_Init_Network(NN_Instance_TypeDef *instance);
LL_ATON_RT_RetValues_t LL_ATON_RT_RunEpochBlock(NN_Instance_TypeDef *instance);
void LL_ATON_RT_Reset_Network(NN_Instance_TypeDef *instance);
void *LL_Buffer_addr_start(const LL_Buffer_InfoTypeDef *buffer);
uint32_t LL_Buffer_len(const LL_Buffer_InfoTypeDef *buffer);

/* Its newer interface */
typedef uint8_t *stai_ptr;
typedef uint32_t stai_size;
typedef enum {
    STAI_SUCCESS = 0,
    STAI_DONE = 2,
    STAI_RUNNING_NO_WFE = 0x10,
    STAI_RUNNING_WFE = 0x11,
} stai_return_code;
typedef enum { STAI_MODE_SYNC, STAI_MODE_ASYNC } stai_run_mode;
typedef uint8_t stai_network;
#define STAI_NETWORK_CONTEXT_DECLARE(name, bytes) static stai_network name[bytes];
stai_return_code stai_runtime_init(void);

#endif
