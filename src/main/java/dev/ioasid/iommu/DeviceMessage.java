package dev.ioasid.iommu;

/** What a unit tells the devices behind it about DMA that waits. */
public sealed interface DeviceMessage {
    /**
     * Software has answered a page request group.
     *
     * @param sourceId the device
     * @param pasid {@link DmaRequest#NO_PASID} if the answer carries none
     * @param group index of the group
     */
    record GroupAnswered(int sourceId, int pasid, int group, PageRequest.Response response) implements DeviceMessage {}

    /**
     * A stalled transaction has come to something else: it has been translated again, or ended.
     *
     * @param ticket of {@link Translation.Stalled}
     * @param request the transaction, as the unit took it when it arrived
     * @param outcome if it is stalled again, with a ticket of its own
     */
    record Resumed(long ticket, DmaRequest request, Translation outcome) implements DeviceMessage {}

    /**
     * Software has put an end to a stalled transaction.
     *
     * @param ticket of {@link Translation.Stalled}
     * @param abort the device is told; otherwise it reads zeros, and what it writes is ignored
     */
    record Terminated(long ticket, boolean abort) implements DeviceMessage {}
}
