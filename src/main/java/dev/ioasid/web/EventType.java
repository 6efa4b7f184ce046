package dev.ioasid.web;

import dev.ioasid.machine.MachineEvent;

/** What an event is about; the name that a stream gives it. */
enum EventType {
    MACHINE_DELETED,
    IOMMU_CREATED,
    IOMMU_DELETED,
    DEVICE_ADDED,
    DEVICE_REMOVED,
    PASID_ALLOCATED,
    PASID_FREED,
    CONTEXT_CREATED,
    CONTEXT_CLOSED,
    CONTEXT_EXPIRED,
    IOASID_CREATED,
    IOASID_DELETED,
    ATTACH,
    REPLACE,
    DETACH,
    BIND,
    REPLACE_BIND,
    UNBIND,
    MAP,
    UNMAP,
    INVALIDATE,
    COMMANDS,
    FAULT,
    FAULTS_OMITTED,
    PAGE_REQUEST,
    PAGE_RESPONSE,
    DMA;

    static EventType of(MachineEvent event) {
        return switch (event) {
            case MachineEvent.MachineDeleted _ -> MACHINE_DELETED;
            case MachineEvent.IommuCreated _ -> IOMMU_CREATED;
            case MachineEvent.IommuDeleted _ -> IOMMU_DELETED;
            case MachineEvent.DeviceAdded _ -> DEVICE_ADDED;
            case MachineEvent.DeviceRemoved _ -> DEVICE_REMOVED;
            case MachineEvent.PasidAllocated _ -> PASID_ALLOCATED;
            case MachineEvent.PasidFreed _ -> PASID_FREED;
            case MachineEvent.ContextCreated _ -> CONTEXT_CREATED;
            case MachineEvent.ContextClosed _ -> CONTEXT_CLOSED;
            case MachineEvent.ContextExpired _ -> CONTEXT_EXPIRED;
            case MachineEvent.IoasidCreated _ -> IOASID_CREATED;
            case MachineEvent.IoasidDeleted _ -> IOASID_DELETED;
            case MachineEvent.Attached _ -> ATTACH;
            case MachineEvent.Replaced _ -> REPLACE;
            case MachineEvent.Detached _ -> DETACH;
            case MachineEvent.Bound _ -> BIND;
            case MachineEvent.BindReplaced _ -> REPLACE_BIND;
            case MachineEvent.Unbound _ -> UNBIND;
            case MachineEvent.Mapped _ -> MAP;
            case MachineEvent.Unmapped _ -> UNMAP;
            case MachineEvent.Invalidated _ -> INVALIDATE;
            case MachineEvent.CommandsDone _ -> COMMANDS;
            case MachineEvent.Faulted _ -> FAULT;
            case MachineEvent.FaultsOmitted _ -> FAULTS_OMITTED;
            case MachineEvent.PageRequested _ -> PAGE_REQUEST;
            case MachineEvent.PageAnswered _ -> PAGE_RESPONSE;
            case MachineEvent.DmaDone _ -> DMA;
        };
    }
}
