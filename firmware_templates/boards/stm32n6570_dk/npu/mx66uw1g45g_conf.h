/* How ST's driver talks to the octo-SPI NOR flash. */
#ifndef MX66UW1G45G_CONF_H
#define MX66UW1G45G_CONF_H

#include "stm32n6xx_hal.h"

#define CONF_OSPI_ODS MX66UW1G45G_CR_ODS_24

/* Cycles between a command and its data. For octal reads those of ST's applications for what the
 * board support sets in the flash; the driver's template has others. */
#define DUMMY_CYCLES_READ 8U
#define DUMMY_CYCLES_READ_OCTAL 10U
#define DUMMY_CYCLES_READ_OCTAL_DTR 10U
#define DUMMY_CYCLES_REG_OCTAL 4U
#define DUMMY_CYCLES_REG_OCTAL_DTR 5U

#endif
