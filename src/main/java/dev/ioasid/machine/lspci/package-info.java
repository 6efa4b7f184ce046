/** What {@code lspci -D -vvv -nn} prints, and the IOMMU groups that follow from it. */
@NullMarked
package dev.ioasid.machine.lspci;

import org.jspecify.annotations.NullMarked;
