package dev.ioasid.web;

import org.springframework.http.ResponseEntity;
import org.springframework.web.util.UriComponentsBuilder;

/** The answer to a creation: 201, the path of the new object in {@code Location}, and the object. */
final class Created {
    static <T> ResponseEntity<T> at(String path, T body, Object... variables) {
        var location = UriComponentsBuilder.fromPath(path).buildAndExpand(variables);
        return ResponseEntity.created(location.encode().toUri()).body(body);
    }

    private Created() {}
}
