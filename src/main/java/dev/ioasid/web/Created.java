package dev.ioasid.web;

import java.net.URI;
import org.springframework.http.ResponseEntity;
import org.springframework.web.util.UriComponentsBuilder;

/** The answer to a creation: 201, the path of the new object in {@code Location}, and the object. */
final class Created {
    static <T> ResponseEntity<T> at(String path, T body, Object... variables) {
        return ResponseEntity.created(path(path, variables)).body(body);
    }

    static URI path(String path, Object... variables) {
        return UriComponentsBuilder.fromPath(path)
                .buildAndExpand(variables)
                .encode()
                .toUri();
    }

    private Created() {}
}
