package dev.ioasid.web;

import org.springframework.beans.factory.config.BeanFactoryPostProcessor;
import org.springframework.beans.factory.config.ConfigurableListableBeanFactory;
import org.springframework.stereotype.Component;

/**
 * Makes what describes the API when the description is first asked for, and not at every start: springdoc declares its
 * beans as never lazy.
 */
@Component
class OpenApiOnDemand implements BeanFactoryPostProcessor {
    @Override
    public void postProcessBeanFactory(ConfigurableListableBeanFactory beans) {
        for (var name : beans.getBeanDefinitionNames()) {
            var definition = beans.getBeanDefinition(name);
            var madeBy = definition.getFactoryBeanName() == null ? name : definition.getFactoryBeanName();
            if (madeBy.startsWith("org.springdoc.")) {
                definition.setLazyInit(true);
            }
        }
    }
}
